# SPDX-License-Identifier: Apache-2.0

"""A small cloud to deploy on: names say what is in it."""

import textwrap

from ecrae.deployer import descriptor
from ecrae.model import power
from ecrae.model.cluster import Cluster
from ecrae.model.cluster import Flavor
from ecrae.model.cluster import Host
from ecrae.model.cluster import Image
from ecrae.model.cluster import NodeType
from ecrae.model.knowledge import Knowledge
from ecrae.model.knowledge import Tag
from ecrae.model.knowledge import TagKind
from ecrae.model.knowledge import TagTarget


def node_type(name, architecture='x86_64', cores=32, idle_w=50, max_w=200):
    return NodeType(
        name=name,
        architecture=architecture,
        cpu=name,
        cores=cores,
        threads=cores,
        memory_mib=131072,
        disk_gib=1000,
        hypervisor_type='qemu',
        curve=power.linear(idle_w, max_w, 5),
    )


THRIFTY = node_type('thrifty', max_w=100)
PLAIN = node_type('plain')
ARM = node_type('arm', 'aarch64', cores=64, max_w=150)

SMALL = Flavor(name='small', vcpus=1, memory_mib=2048, disk_gib=20)
LARGE = Flavor(name='large', vcpus=4, memory_mib=16384, disk_gib=80)

IMAGES = tuple(
    Image(
        name=f'ubuntu-{version}-{architecture}',
        architecture=architecture,
        os_type='linux',
        os_distribution='ubuntu',
        os_version=version,
    )
    for version in ('22.04', '24.04')
    for architecture in ('x86_64', 'aarch64')
)


def target(kind, flavor=SMALL, preference=1, **measured):
    return TagTarget(
        node_type=kind, flavor=flavor, preference=preference, **measured
    )


def tag(name, *targets, kind=TagKind.HINT):
    return Tag(name=name, kind=kind, description=name, targets=targets)


def knowledge(*tags):
    tags = tags or (
        tag(
            'web',
            target(PLAIN),
            target(THRIFTY, preference=2),
            target(ARM, preference=3, relative_speed=0.5),
            target(PLAIN, LARGE, 4),
            target(THRIFTY, LARGE, 5),
        ),
        tag('database', target(PLAIN, LARGE), target(THRIFTY, LARGE, 2)),
        tag('arm-only', target(ARM), kind=TagKind.EXACT),
    )
    return Knowledge(
        tags={tag.name: tag for tag in tags},
        node_types={kind.name: kind for kind in (THRIFTY, PLAIN, ARM)},
        flavors={flavor.name: flavor for flavor in (SMALL, LARGE)},
    )


def host(name, kind, vcpus=32, memory_mib=131072, disk_gib=1000, **state):
    return Host(
        name=name,
        node_type=kind,
        vcpus_free=vcpus,
        memory_free_mib=memory_mib,
        disk_free_gib=disk_gib,
        **state,
    )


def cluster(*hosts, **other):
    hosts = hosts or (
        host('plain-1', PLAIN),
        host('thrifty-1', THRIFTY),
        host('arm-1', ARM),
    )
    return Cluster(
        **{
            'hosts': hosts,
            'flavors': (SMALL, LARGE),
            'images': IMAGES,
            **other,
        }
    )


def tosca(nodes, *, version='1_3', inputs='', more='', topology=''):
    """Text of a descriptor from the YAML of its node templates."""
    parts = [
        f'tosca_definitions_version: tosca_simple_yaml_{version}',
        textwrap.dedent(more).strip(),
        'topology_template:',
    ]
    if inputs:
        parts.append('  inputs:')
        parts.append(textwrap.indent(textwrap.dedent(inputs), '    '))
    parts.append('  node_templates:')
    parts.append(textwrap.indent(textwrap.dedent(nodes), '    '))
    parts.append(textwrap.indent(textwrap.dedent(topology), '  '))
    return '\n'.join(part for part in parts if part.strip())


def read(nodes, files=None, **parts):
    return descriptor.read(tosca(nodes, **parts), name='app', files=files)
