# SPDX-License-Identifier: Apache-2.0

import json
import textwrap

import pytest
import yaml

from tests.functional.heat.engine import Refused


DESCRIPTOR = textwrap.dedent("""\
    tosca_definitions_version: tosca_simple_yaml_1_3
    topology_template:
      inputs:
        cpus: {type: integer, default: 1}
      node_templates:
        web:
          type: tosca.nodes.Compute
          metadata: {ecrae.tag: web-frontend}
          capabilities:
            host: {properties: {num_cpus: {get_input: cpus}}}
        db:
          type: tosca.nodes.Compute
          metadata: {ecrae.tag: memory-intensive}
      outputs:
        cpus_of_web: {value: {get_input: cpus}}
    """)


def _hot(text=DESCRIPTOR, **properties):
    return {
        'heat_template_version': '2018-08-31',
        'resources': {
            'shop': {
                'type': 'ECRAE::Application',
                'properties': {'template': text, **properties},
            }
        },
        'outputs': {
            'cpus': {'value': {'get_attr': ['shop', 'outputs', 'cpus_of_web']}}
        },
    }


def test_pure_descriptor_becomes_a_nested_stack(engine, cloud):
    shown = engine.create('parent', _hot(inputs={'cpus': 2}))
    assert shown['stack_status'] == 'COMPLETE', shown['stack_status_reason']
    assert cloud.flavor_of('web') == 'ecrae.web.medium'
    assert len(cloud.servers) == 2
    (output,) = shown['outputs']
    assert output['output_value'] == 2


def test_nested_stack_stores_plain_hot(engine):
    engine.create('parent', _hot())
    nested = engine.nested_template('parent', 'shop')
    assert nested['heat_template_version'] == '2013-05-23'
    assert 'tosca' not in json.dumps(nested)


def test_descriptor_as_a_file(engine, cloud):
    hot = _hot({'get_file': 'file:///home/demo/shop.yaml'})
    shown = engine.create(
        'parent', hot, files={'file:///home/demo/shop.yaml': DESCRIPTOR}
    )
    assert shown['stack_status'] == 'COMPLETE', shown['stack_status_reason']


def test_error_names_the_line(engine, cloud):
    wrong = DESCRIPTOR.replace('web-frontend', 'web-frontent')
    with pytest.raises(Refused, match='line 8: node web') as caught:
        engine.create('parent', _hot(wrong))
    assert 'web-frontend' in str(caught.value)
    assert not cloud.builds


@pytest.mark.parametrize('text', ['', '- a list', '{', 'a: &a [*a]'])
def test_what_is_no_descriptor(engine, text):
    with pytest.raises(Refused, match='shop'):
        engine.create('parent', _hot(text))


def test_unknown_input(engine):
    with pytest.raises(Refused, match='colour'):
        engine.create('parent', _hot(inputs={'colour': 'red'}))


def test_update_keeps_unchanged_components(engine, cloud):
    engine.create('parent', _hot())
    kept = cloud.server_of('db')['id']
    for name in ('arm-1', 'epyc-1', 'xeon-1'):
        cloud.fill_host(name)
    changed = DESCRIPTOR.replace('cpus_of_web', 'processors')
    shown = engine.update('parent', _hot(changed))
    assert shown['stack_status'] == 'COMPLETE', shown['stack_status_reason']
    assert cloud.server_of('db')['id'] == kept
    assert len(cloud.builds) == 2


def test_update_with_a_changed_tag(engine, cloud):
    engine.create('parent', _hot())
    kept = cloud.server_of('db')['id']
    changed = DESCRIPTOR.replace('web-frontend', 'exact:x86-xeon-8380')
    shown = engine.update('parent', _hot(changed))
    assert shown['stack_status'] == 'COMPLETE', shown['stack_status_reason']
    assert cloud.server_of('db')['id'] == kept
    web = cloud.server_of('web')
    assert web['metadata']['ecrae:node_type'] == 'x86-xeon-8380'


def test_files_of_the_descriptor(engine, cloud):
    text = textwrap.dedent("""\
        tosca_definitions_version: tosca_simple_yaml_1_3
        imports: [types/web.yaml]
        topology_template:
          node_templates:
            web: {type: shop.Web}
        """)
    types = textwrap.dedent("""\
        tosca_definitions_version: tosca_simple_yaml_1_3
        node_types:
          shop.Web:
            derived_from: ecrae.nodes.Compute
            properties:
              tag: {type: string, default: web-frontend}
        """)
    with pytest.raises(Refused, match=r'types/web\.yaml'):
        engine.create('parent', _hot(text))
    shown = engine.create(
        'parent', _hot(text, files={'types/web.yaml': types})
    )
    assert shown['stack_status'] == 'COMPLETE', shown['stack_status_reason']


def test_descriptor_that_lists_its_files_for_heat(engine, cloud):
    # The client takes such a file for a template, and resolves it.
    document = yaml.safe_load(DESCRIPTOR)
    document['heat_template_version'] = 'ecrae_tosca_1'
    document['topology_template']['node_templates']['web']['interfaces'] = {
        'Standard': {'create': 'scripts/install.sh'}
    }
    url = 'file:///home/demo/scripts/install.sh'
    document['metadata'] = {
        'ecrae.files': {'scripts/install.sh': {'get_file': url}}
    }
    previewed = engine.preview(
        'parent',
        _hot({'get_file': 'file:///home/demo/shop.yaml'}),
        files={
            'file:///home/demo/shop.yaml': json.dumps(document),
            url: '#!/bin/sh',
        },
    )
    (nested,) = previewed['resources']
    configs = [
        each['properties']['config']
        for each in nested
        if each['resource_type'] == 'OS::Heat::SoftwareConfig'
    ]
    assert configs == ['#!/bin/sh']


def test_preview_shows_the_servers(engine, cloud):
    previewed = engine.preview('parent', _hot())
    (nested,) = previewed['resources']
    assert {each['resource_name'] for each in nested} == {'web', 'db'}
    assert not cloud.builds


def test_deleting_the_parent_deletes_the_servers(engine, cloud):
    engine.create('parent', _hot())
    engine.delete('parent')
    assert not cloud.servers


def test_value_that_another_resource_gives(engine, cloud):
    hot = _hot(inputs={'cpus': {'get_attr': ['size', 'value']}})
    hot['resources']['size'] = {
        'type': 'OS::Heat::Value',
        'properties': {'value': 4, 'type': 'number'},
    }
    shown = engine.create('parent', hot)
    assert shown['stack_status'] == 'COMPLETE', shown['stack_status_reason']
    assert cloud.flavor_of('web') == 'ecrae.web.large'
