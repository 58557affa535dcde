# SPDX-License-Identifier: Apache-2.0

import pytest
import yaml

from ecrae import exception
from ecrae.deployer import translation
from ecrae.deployer.translation import ServerPlan
from tests.unit.deployer import world


def _translate(nodes, servers, files=None, values=None, **parts):
    read = world.read(nodes, files=files, **parts)
    return translation.translate(read, read.document, values or {}, servers)


def test_what_the_author_gave_stays_beside_what_ecrae_says():
    translated = _translate(
        """
        s:
          type: my.Server
          properties:
            flavor: theirs
            image: theirs
            metadata: {owner: me, 'ecrae:tag': lie}
            scheduler_hints: {group: g}
        """,
        {
            's': ServerPlan(
                flavor='ours',
                image='ours',
                scheduler_hints={'ecrae:tag': 'web'},
                metadata={'ecrae:tag': 'web'},
                is_tagged=True,
            )
        },
        more="""
        node_types:
          my.Server:
            derived_from: tosca.nodes.Compute
            properties:
              flavor: {type: string}
              image: {type: string}
              metadata: {type: map, entry_schema: {type: string}}
              scheduler_hints: {type: map, entry_schema: {type: string}}
        """,
    )

    properties = translated.hot['resources']['s']['properties']
    assert properties['flavor'] == 'ours'
    assert properties['image'] == 'theirs'
    assert properties['metadata'] == {'owner': 'me', 'ecrae:tag': 'web'}
    assert properties['scheduler_hints'] == {
        'group': 'g',
        'ecrae:tag': 'web',
    }


def test_an_image_that_nobody_knows_is_asked_for():
    translated = _translate(
        's: {type: tosca.nodes.Compute}',
        {'s': ServerPlan(flavor='f', image='', image_hint='aarch64 debian')},
    )

    assert translated.hot['parameters']['s_image'] == {
        'type': 'string',
        'description': 'Image for s: aarch64 debian',
    }
    server = translated.hot['resources']['s']['properties']
    assert server['image'] == {'get_param': 's_image'}


def test_servers_in_a_scaling_group_are_in_a_nested_template():
    translated = _translate(
        's: {type: tosca.nodes.Compute}',
        {'s': ServerPlan(flavor='ours', image=None, metadata={'a': 'b'})},
        topology="""
        policies:
        - grow:
            type: tosca.policies.Scaling
            targets: [s]
            properties:
              increment: 1
              min_instances: 1
              max_instances: 3
              default_instances: 1
              cooldown: 60
              targets: [s]
        """,
        more="""
        policy_types:
          tosca.policies.Scaling:
            derived_from: tosca.policies.Root
            properties:
              increment: {type: integer}
              min_instances: {type: integer}
              max_instances: {type: integer}
              default_instances: {type: integer}
              cooldown: {type: integer}
              targets: {type: list}
        """,
    )

    group = translated.hot['resources']['grow_group']
    name = group['properties']['resource']['type']
    nested = yaml.safe_load(translated.files[name])
    server = nested['resources']['s']['properties']
    assert (server['flavor'], server['metadata']) == ('ours', {'a': 'b'})


def test_the_address_of_a_server_does_not_depend_on_a_network_name():
    translated = _translate(
        's: {type: tosca.nodes.Compute}',
        {'s': ServerPlan(flavor='f', image=None)},
        topology="""
        outputs:
          address: {value: {get_attribute: [s, private_address]}}
        """,
    )

    assert translated.hot['outputs']['address']['value'] == {
        'get_attr': ['s', 'first_address']
    }


def test_a_script_that_is_not_text_is_refused():
    with pytest.raises(exception.TemplateError, match=r'x\.sh is not UTF-8'):
        _translate(
            's: {type: tosca.nodes.Compute, '
            'interfaces: {Standard: {create: x.sh}}}',
            {},
            files={'x.sh': b'\xff'},
        )


def test_text_that_looks_like_a_number_stays_text():
    translated = _translate(
        """
        s: {type: tosca.nodes.Compute}
        a:
          type: tosca.nodes.SoftwareComponent
          requirements: [{host: s}]
          interfaces:
            Standard:
              create:
                implementation: x.sh
                inputs: {port: "8080", mode: "0644", state: "on", it: "it's"}
        """,
        {'s': ServerPlan(flavor='f', image=None)},
        files={'x.sh': b'true'},
    )

    deploy = translated.hot['resources']['a_create_deploy']
    assert deploy['properties']['input_values'] == {
        'port': '8080',
        'mode': '0644',
        'state': 'on',
        'it': "it's",
    }
