# SPDX-License-Identifier: Apache-2.0

import copy

from hypothesis import given
from hypothesis import strategies as st

from ecrae.deployer import completion
from ecrae.deployer import components
from ecrae.deployer import descriptor
from ecrae.deployer import tosca
from ecrae.deployer.completion import Choice
from tests.unit.deployer import strategies
from tests.unit.deployer import world


CHOICE = Choice(
    tag='web',
    node_type='arm',
    architecture='aarch64',
    flavor=world.LARGE,
    image=world.IMAGES[1],
)


def _complete(nodes, choices=None, **parts):
    return completion.complete(world.read(nodes, **parts), choices or {})


def test_capabilities_are_filled_and_the_type_is_standard():
    document = _complete(
        """
        s:
          type: ecrae.nodes.Compute
          properties: {tag: web, pinned: true}
          capabilities:
            host: {properties: {num_cpus: 2, cpu_frequency: 2 GHz}}
            os: {properties: {distribution: Ubuntu}}
        """,
        {'s': CHOICE},
    )

    assert document['topology_template']['node_templates']['s'] == {
        'type': 'tosca.nodes.Compute',
        'capabilities': {
            'host': {
                'properties': {
                    'num_cpus': 4,
                    'cpu_frequency': '2 GHz',
                    'mem_size': '16384 MiB',
                    'disk_size': '80 GiB',
                }
            },
            'os': {
                'properties': {
                    'distribution': 'Ubuntu',
                    'architecture': 'aarch64',
                    'type': 'linux',
                    'version': '22.04',
                }
            },
        },
        'metadata': {
            'ecrae.pinned': True,
            'ecrae.tag': 'web',
            'ecrae.node_type': 'arm',
            'ecrae.flavor': 'large',
        },
    }


def test_no_type_of_ecrae_is_left_anywhere():
    document = _complete(
        """
        s: {type: my.Worker, properties: {tag: web}}
        c:
          type: tosca.nodes.SoftwareComponent
          requirements: [{host: {node: ecrae.nodes.Compute}}]
        """,
        {'s': CHOICE},
        more="""
        node_types:
          ecrae.nodes.Compute: {derived_from: tosca.nodes.Compute}
          my.Worker: {derived_from: ecrae.nodes.Compute}
        """,
    )

    assert 'ecrae.nodes' not in str(document)
    assert document['node_types'] == {
        'my.Worker': {'derived_from': 'tosca.nodes.Compute'}
    }
    nodes = document['topology_template']['node_templates']
    assert 'properties' not in nodes['s']


def test_what_a_type_of_the_author_defines_stays_a_property():
    document = _complete(
        's: {type: my.Worker, properties: {tag: web, size: 1}}',
        {'s': CHOICE},
        more="""
        node_types:
          my.Worker:
            derived_from: ecrae.nodes.Compute
            properties: {tag: {type: string}, size: {type: integer}}
        """,
    )

    node = document['topology_template']['node_templates']['s']
    assert node['properties'] == {'tag': 'web', 'size': 1}


def test_what_tosca_1_1_became_is_named_as_parsers_know_it():
    document = _complete('s: {type: tosca.nodes.Compute}', version='1_1')

    assert document['tosca_definitions_version'] == 'tosca_simple_yaml_1_2'


@st.composite
def chosen(draw):
    document = draw(strategies.documents())
    read = descriptor.read(document)
    tagged = [s.node for s in components.servers(read, {}) if s.tag]
    return document, dict.fromkeys(tagged, CHOICE)


@given(chosen())
def test_completing_twice_is_completing_once(case):
    document, choices = case
    once = completion.complete(descriptor.read(document), choices)

    assert completion.complete(descriptor.read(once), choices) == once


@given(chosen())
def test_everything_else_is_unchanged_and_in_its_order(case):
    document, choices = case
    before = copy.deepcopy(document)

    after = completion.complete(descriptor.read(document), choices)

    assert document == before
    assert list(after) == list(before)
    old = before['topology_template']['node_templates']
    new = after['topology_template']['node_templates']
    assert list(new) == list(old)
    for name, template in old.items():
        if name not in choices:
            assert list(new[name].items()) == list(template.items())
            continue
        kept = [key for key in new[name] if key in template]
        assert kept == [key for key in template if key in new[name]]
        for section in ('description',):
            assert new[name].get(section) == template.get(section)
    for part in (before, after):
        del part['topology_template']['node_templates'], part['node_types']
    assert after == before


@given(chosen())
def test_the_parser_takes_what_is_complete(case):
    document, choices = case
    completed = completion.complete(descriptor.read(document), choices)

    assert tosca.translate(completed, {})['hot']['heat_template_version']
    assert 'ecrae.nodes' not in str(completed)
