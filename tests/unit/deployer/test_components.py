# SPDX-License-Identifier: Apache-2.0

import pytest

from ecrae import exception
from ecrae.deployer import components
from ecrae.deployer import inputs
from ecrae.deployer import targets
from ecrae.deployer.candidates import Minima
from ecrae.model import hints
from ecrae.model.knowledge import TagKind
from tests.unit.deployer import world


def _servers(nodes, values=None, **parts):
    read = world.read(nodes, **parts)
    return components.servers(read, inputs.resolve(read, values or {}))


def _tagged(nodes, **parts):
    read = world.read(nodes, **parts)
    servers = components.servers(read, inputs.resolve(read, {}))
    return targets.tagged(read, servers, world.knowledge(), world.cluster())


def _error(nodes, **parts):
    with pytest.raises(exception.TemplateError) as caught:
        _tagged(nodes, **parts)
    return str(caught.value)


WORKER = """
node_types:
  my.Worker:
    derived_from: ecrae.nodes.Compute
    properties: {tag: {type: string, default: web}}
  my.Child: {derived_from: my.Worker}
  my.Server: {derived_from: tosca.nodes.Compute}
"""


@pytest.mark.parametrize(
    ('node', 'tag'),
    [
        ('{type: tosca.nodes.Compute}', ''),
        ('{type: tosca.nodes.Compute, metadata: {ecrae.tag: web}}', 'web'),
        ('{type: tosca.nodes.Compute, metadata: {ecrae.tag: " web "}}', 'web'),
        ('{type: my.Server, metadata: {ecrae.tag: web}}', 'web'),
        ('{type: ecrae.nodes.Compute, properties: {tag: web}}', 'web'),
        (
            '{type: ecrae.nodes.Compute, properties: {tag: web}, '
            'metadata: {ecrae.tag: database}}',
            'database',
        ),
        ('{type: my.Worker}', 'web'),
        ('{type: my.Child}', 'web'),
        ('{type: my.Child, properties: {tag: database}}', 'database'),
        (
            '{type: ecrae.nodes.Compute, properties: {tag: {get_input: t}}}',
            'database',
        ),
        (
            '{type: tosca.nodes.Compute, '
            'metadata: {ecrae.tag: {get_input: [t]}}}',
            'database',
        ),
    ],
    ids=range(11),
)
def test_ways_to_tag(node, tag):
    (server,) = _servers(
        f's: {node}',
        more=WORKER,
        inputs='t: {type: string, default: database}',
    )

    assert server.tag == tag


def test_nodes_of_other_types_are_no_servers():
    assert not _servers('a: {type: tosca.nodes.SoftwareComponent}')
    assert 'line 4: node a is tagged but its type' in _error(
        'a: {type: tosca.nodes.DBMS, metadata: {ecrae.tag: web}}'
    )


def test_types_in_a_circle_are_no_compute():
    assert not _servers(
        'a: {type: a.A}',
        more='node_types:\n'
        '  a.A: {derived_from: b.B}\n'
        '  b.B: {derived_from: a.A}\n',
    )


def test_an_unknown_tag_is_answered_with_near_ones():
    text = _error("""
    s:
      type: tosca.nodes.Compute
      metadata:
        ecrae.tag: databse
    """)

    assert text == (
        'app: line 8: node s: no tag named databse; did you mean database?'
    )


def test_an_unknown_tag_unlike_any_is_answered_with_all():
    text = _error('s: {type: ecrae.nodes.Compute, properties: {tag: zzz}}')

    assert text == (
        'app: line 4: node s: no tag named zzz; '
        'valid are arm-only, database, web'
    )


def test_an_unknown_node_type_likewise():
    assert 'no node type named thirsty; did you mean thrifty?' in _error(
        's: {type: tosca.nodes.Compute, metadata: {ecrae.tag: exact:thirsty}}'
    )


@pytest.mark.parametrize(
    ('node', 'message'),
    [
        (
            '{type: tosca.nodes.Compute, metadata: {ecrae.tag: [web]}}',
            "tag ['web'] is not a name",
        ),
        (
            '{type: tosca.nodes.Compute, metadata: {ecrae.tag: ""}}',
            "tag '' is not a name",
        ),
        ('{type: ecrae.nodes.Compute}', 'needs the property "tag"'),
        (
            '{type: ecrae.nodes.Compute, properties: {tag: {get_input: x}}}',
            'needs a value for input x',
        ),
        (
            '{type: ecrae.nodes.Compute, '
            'properties: {tag: {get_property: [SELF, x]}}}',
            'must be a value or get_input',
        ),
        (
            '{type: tosca.nodes.Compute, '
            'metadata: {ecrae.tag: web, ecrae.pinned: maybe}}',
            "ecrae.pinned is 'maybe'; valid are true and false",
        ),
        (
            '{type: tosca.nodes.Compute, capabilities: '
            '{host: {properties: {num_cpus: many}}}}',
            "num_cpus is 'many', not a number",
        ),
        (
            '{type: tosca.nodes.Compute, capabilities: '
            '{host: {properties: {mem_size: 4}}}}',
            "mem_size is '4', not a size such as",
        ),
        (
            '{type: tosca.nodes.Compute, capabilities: '
            '{host: {properties: {disk_size: 4 XB}}}}',
            "disk_size is '4 XB', not a size such as",
        ),
        (
            '{type: tosca.nodes.Compute, capabilities: '
            '{host: {properties: [1]}}}',
            'capabilities.host.properties is not a mapping',
        ),
    ],
    ids=range(10),
)
def test_malformed_settings(node, message):
    text = _error(f's: {node}')

    assert text.startswith('app: line 4: ')
    assert message in text


@pytest.mark.parametrize(
    ('size', 'mib'),
    [
        ('4 GiB', 4096),
        ('4GiB', 4096),
        ('1.5 GB', 1.5e9 / 2**20),
        ('512 mb', 512e6 / 2**20),
        ('1 TiB', 2**20),
        ('1048576 B', 1),
    ],
)
def test_sizes_are_exact(size, mib):
    (server,) = _servers(
        's: {type: tosca.nodes.Compute, capabilities: {host: '
        f'{{properties: {{mem_size: {size}}}}}}}}}'
    )

    assert server.minima.memory_mib == pytest.approx(mib)


def test_minima_come_from_inputs_and_types_too():
    (server,) = _servers(
        """
        s:
          type: my.Big
          capabilities:
            host: {properties: {num_cpus: {get_input: cpus}}}
            os: {properties: {architecture: AArch64, version: 22.10}}
        """,
        {'cpus': '4'},
        inputs='cpus: {type: integer}',
        more="""
        node_types:
          my.Big:
            derived_from: tosca.nodes.Compute
            capabilities:
              host:
                type: tosca.capabilities.Container
                properties:
                  num_cpus: {type: integer, default: 2}
                  disk_size: {type: scalar-unit.size, default: 10 GiB}
        """,
    )

    assert server.minima == Minima(
        vcpus=4, disk_gib=10, architecture='aarch64'
    )
    assert server.image.os_version == '22.10'


def test_marks_for_the_rebalancer():
    first, second = _servers("""
    a:
      type: tosca.nodes.Compute
      metadata: {ecrae.tag: web, ecrae.pinned: true, ecrae.relocatable: false}
    b: {type: ecrae.nodes.Compute, properties: {tag: web, relocatable: "true"}}
    """)

    assert first.marks == {hints.PINNED: 'true'}
    assert second.marks == {hints.RELOCATABLE: 'true'}


def test_thresholds_for_the_rebalancer():
    first, second = _servers("""
    a:
      type: tosca.nodes.Compute
      metadata: {ecrae.tag: web, ecrae.max_load: 0.80}
    b:
      type: ecrae.nodes.Compute
      properties: {tag: web, max_load: 1, max_requests_per_s: 2.5e2}
    """)

    assert first.marks == {hints.MAX_LOAD: '0.8'}
    assert second.marks == {
        hints.MAX_LOAD: '1',
        hints.MAX_REQUESTS_PER_S: '250',
    }


@pytest.mark.parametrize('value', ['0', '1.1', '-1', 'nan', 'much', '[1]'])
def test_a_threshold_that_is_none(value):
    with pytest.raises(exception.TemplateError, match='max_load is'):
        _servers(f"""
        a:
          type: tosca.nodes.Compute
          metadata: {{ecrae.tag: web, ecrae.max_load: {value}}}
        """)


def test_an_exact_node_type_takes_flavors_that_tags_use_it_with():
    (component,) = _tagged(
        's: {type: tosca.nodes.Compute, metadata: {ecrae.tag: exact:arm}}'
    )

    assert component.kind is TagKind.EXACT
    assert {target.node_type.name for target in component.targets} == {'arm'}
    assert [t.flavor.name for t in component.targets] == ['small', 'large']


def test_a_tag_of_the_knowledge_base_may_be_exact():
    (component,) = _tagged(
        's: {type: tosca.nodes.Compute, metadata: {ecrae.tag: arm-only}}'
    )

    assert component.kind is TagKind.EXACT


def test_an_input_that_is_not_declared():
    with pytest.raises(exception.TemplateError, match='no input named cpu;'):
        _servers(
            's: {type: tosca.nodes.Compute}',
            {'cpu': 1},
            inputs='cpus: {type: integer}',
        )


def test_placement_policies_reach_the_components():
    first, second, third = _tagged(
        """
        a: &web {type: tosca.nodes.Compute, metadata: {ecrae.tag: web}}
        b: *web
        c: *web
        """,
        more="""
        policy_types:
          my.Apart:
            derived_from: tosca.policies.Placement
            properties: {policy: {type: string, default: anti-affinity}}
        """,
        topology="""
        policies:
        - apart: {type: my.Apart, targets: [pair]}
        - together: {type: tosca.policies.Placement, targets: [b, c]}
        - soft:
            type: tosca.policies.Placement
            targets: [a, c]
            properties: {policy: anti-affinity, strict: false}
        groups:
          pair: {type: tosca.groups.Root, members: [a, b]}
        """,
    )

    assert (first.apart, first.together) == ({'b'}, frozenset())
    assert (second.apart, second.together) == ({'a'}, {'c'})
    assert (third.apart, third.together) == (frozenset(), {'b'})
