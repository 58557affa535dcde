# SPDX-License-Identifier: Apache-2.0

"""A small data centre that the scheduler tests speak of.

``new`` and ``arm`` do web work for less energy than ``old``; ``gpu`` is what
only an exact tag asks for.
"""

from ecrae.model import power
from ecrae.model.cluster import Flavor
from ecrae.model.cluster import HostState
from ecrae.model.cluster import NodeType
from ecrae.model.knowledge import Knowledge
from ecrae.model.knowledge import KnownHost
from ecrae.model.knowledge import Tag
from ecrae.model.knowledge import TagKind
from ecrae.model.knowledge import TagTarget
from ecrae.model.power import PowerProfile
from ecrae.model.power import Quality


SMALL = Flavor(name='web.small', vcpus=2, memory_mib=2048, disk_gib=10)
LARGE = Flavor(name='web.large', vcpus=8, memory_mib=8192, disk_gib=10)


def node_type(name, idle_w, max_w, *, architecture='x86_64', cores=32):
    return NodeType(
        name=name,
        architecture=architecture,
        cpu='any',
        cores=cores,
        threads=cores,
        memory_mib=262144,
        disk_gib=4096,
        hypervisor_type='qemu',
        curve=power.linear(idle_w, max_w, sleep_w=5.0),
        power_profile=name,
    )


NODE_TYPES = {
    each.name: each
    for each in (
        node_type('old', 150, 500),
        node_type('new', 60, 260),
        node_type('arm', 50, 150, architecture='aarch64'),
        node_type('gpu', 200, 900),
    )
}


PROFILES = {
    name: PowerProfile(
        name=name,
        curve=each.curve,
        quality=Quality.ESTIMATED,
        source='made up',
    )
    for name, each in NODE_TYPES.items()
}


def target(name, flavor, preference, **figures):
    return TagTarget(
        node_type=NODE_TYPES[name],
        flavor=flavor,
        preference=preference,
        **figures,
    )


TAGS = {
    each.name: each
    for each in (
        Tag(
            name='web',
            kind=TagKind.HINT,
            description='Web servers',
            targets=(
                target('arm', SMALL, 1, relative_speed=0.8),
                target('new', SMALL, 2),
                target('new', LARGE, 3),
                target('old', LARGE, 4),
            ),
        ),
        Tag(
            name='rendering',
            kind=TagKind.EXACT,
            description='Needs the GPU',
            targets=(target('gpu', LARGE, 1),),
        ),
    )
}


def knowledge(hosts=None, **states):
    """What is known of hosts, given as ``{name: node type}``."""
    return Knowledge(
        tags=TAGS,
        node_types=NODE_TYPES,
        flavors={each.name: each for each in (SMALL, LARGE)},
        hosts={
            name: KnownHost(
                name=name,
                node_type=kind,
                state=states.get(name, HostState.AWAKE),
            )
            for name, kind in (hosts or {}).items()
        },
        power_profiles=PROFILES,
    )
