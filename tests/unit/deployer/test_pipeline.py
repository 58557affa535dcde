# SPDX-License-Identifier: Apache-2.0

import pytest

from ecrae import exception
from ecrae.deployer import pipeline
from ecrae.model import hints
from tests.unit.deployer import world


def _plan(nodes, *, inputs=None, cluster=None, previous=None, **parts):
    return pipeline.plan(
        world.read(nodes, **parts),
        inputs=inputs or {},
        knowledge=world.knowledge(),
        cluster=cluster or world.cluster(),
        previous=previous,
    )


TWO = """
web_server:
  type: ecrae.nodes.Compute
  properties: {tag: web}
db_server:
  type: tosca.nodes.Compute
  metadata: {ecrae.tag: database}
"""


def test_tagged_servers_get_hardware_flavor_image_and_the_reason():
    plan = _plan(TWO)

    web = plan.hot['resources']['web_server']['properties']
    assert web['flavor'] == 'small'
    assert web['image'] == 'ubuntu-24.04-x86_64'
    assert web['scheduler_hints'] == {
        hints.TAG: 'web',
        hints.NODE_TYPE: 'thrifty',
    }
    assert web['metadata'] == {
        hints.TAG: 'web',
        hints.NODE_TYPE: 'thrifty',
        hints.DECISION: plan.decision.id,
    }
    database = plan.hot['resources']['db_server']['properties']
    assert database['flavor'] == 'large'
    assert [c.node for c in plan.decision.components] == [
        'web_server',
        'db_server',
    ]


def test_a_new_decision_changes_nothing_that_makes_heat_replace_a_server():
    first = _plan(TWO)
    previous = {
        c.node: (c.chosen.node_type, c.chosen.flavor, first.images[c.node])
        for c in first.decision.components
    }

    second = _plan(
        TWO,
        previous=previous,
        cluster=world.cluster(
            world.host('plain-1', world.PLAIN),
            world.host('thrifty-1', world.THRIFTY, vcpus=0),
            images=(
                *world.IMAGES,
                world.Image(
                    name='ubuntu-26.04-x86_64',
                    architecture='x86_64',
                    os_version='26.04',
                ),
            ),
        ),
    )

    assert first.decision.id != second.decision.id
    for node in previous:
        before = first.hot['resources'][node]['properties']
        after = second.hot['resources'][node]['properties']
        for key in ('flavor', 'image', 'scheduler_hints'):
            assert before[key] == after[key]


def test_an_untagged_server_gets_the_smallest_flavor_and_no_hints():
    plan = _plan("""
    server:
      type: tosca.nodes.Compute
      capabilities:
        host: {properties: {num_cpus: 1, mem_size: 1.5 GB}}
        os: {properties: {distribution: Ubuntu, version: 22.04}}
    """)

    properties = plan.hot['resources']['server']['properties']
    assert properties['flavor'] == 'small'
    assert properties['image'] == 'ubuntu-22.04-x86_64'
    assert 'scheduler_hints' not in properties
    assert plan.decision.components == ()


def test_every_server_says_which_network_it_wants():
    plan = _plan(TWO + 'plain: {type: tosca.nodes.Compute}\n')

    assert [
        resource['properties']['networks']
        for resource in plan.hot['resources'].values()
        if resource['type'] == 'OS::Nova::Server'
    ] == [[{'allocate_network': 'auto'}]] * 3


def test_files_of_the_bundle_come_with_the_template():
    nodes = """
    server: {type: tosca.nodes.Compute, metadata: {ecrae.tag: web}}
    software:
      type: tosca.nodes.SoftwareComponent
      requirements: [{host: server}]
      interfaces:
        Standard:
          create: scripts/create.sh
          start: scripts/start.sh
    """

    plan = _plan(nodes, files={'scripts/create.sh': b'#!/bin/sh\n'})

    assert plan.hot_files == {'scripts/create.sh': '#!/bin/sh\n'}
    assert plan.missing_files == ('scripts/start.sh',)
    with pytest.raises(exception.TemplateError, match=r'start\.sh is not'):
        plan.require_files()
