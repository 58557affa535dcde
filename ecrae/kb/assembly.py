# SPDX-License-Identifier: Apache-2.0

"""From a document's entries to knowledge.

Here every reference between entries is resolved. All faults of a document
are found before any is raised, so that its author mends it in one go.
"""

from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

from ecrae import exception
from ecrae.kb import document
from ecrae.kb import entries
from ecrae.kb import faults
from ecrae.kb import tag_assembly
from ecrae.kb.document import Document
from ecrae.kb.faults import BROKEN
from ecrae.kb.faults import Fault
from ecrae.kb.faults import Faults
from ecrae.model import accelerators
from ecrae.model.cluster import Accelerator
from ecrae.model.cluster import Flavor
from ecrae.model.cluster import HostState
from ecrae.model.cluster import NodeType
from ecrae.model.knowledge import Knowledge
from ecrae.model.knowledge import KnownHost
from ecrae.model.knowledge import Tag
from ecrae.model.power import PowerCurve
from ecrae.model.power import PowerProfile
from ecrae.model.power import Quality


#: Fields of a node type that its value has just so.
_NODE_TYPE_FIELDS = (
    'architecture',
    'cpu',
    'cores',
    'threads',
    'memory_mib',
    'disk_gib',
    'hypervisor_type',
    'power_profile',
)


def merged(base: Knowledge, added: Document) -> Document:
    """The document with the entries of ``base`` that it does not name."""
    sections = entries.of(base)
    for host in added.sections['hosts']:
        known = base.hosts.get(host)
        if known:
            _keep(known, added.sections['hosts'][host])
    for section in document.SECTIONS:
        sections[section].update(added.sections[section])
    return Document(added.source, sections, added.faults, added.broken)


def _keep(known: KnownHost, entry: dict[str, Any]) -> None:
    """Keep what a host's entry leaves out, but no curve of other hardware."""
    entry.setdefault('state', str(known.state))
    if known.power_profile and entry['node_type'] == known.node_type:
        entry.setdefault('power_profile', known.power_profile)


def build(source: Document) -> Knowledge:
    """Knowledge that a document states.

    :raises KnowledgeError: with every fault of the document.
    """
    found = list(source.faults)
    profiles = _each(source, 'power_profiles', found, _profile)

    def node_type(name: str, entry: dict[str, Any]) -> NodeType:
        return _node_type(name, entry, profiles)

    node_types = _each(source, 'node_types', found, node_type)
    flavors = _each(source, 'flavors', found, _flavor)

    def tag(name: str, entry: dict[str, Any]) -> Tag:
        return tag_assembly.tag(name, entry, node_types, flavors)

    tags = _each(source, 'tags', found, tag)

    def host(name: str, entry: dict[str, Any]) -> KnownHost:
        return _host(name, entry, node_types, profiles)

    hosts = _each(source, 'hosts', found, host)
    if found:
        raise exception.KnowledgeError(source=source.source, faults=found)
    return Knowledge(
        tags=tags,
        node_types=node_types,
        flavors=flavors,
        hosts=hosts,
        power_profiles=profiles,
    )


def _each(
    source: Document,
    section: str,
    found: list[str],
    make: Callable[[str, dict[str, Any]], Any],
) -> dict[str, Any]:
    """Values of a section's entries; broken ones by a stand-in."""
    values = {
        name: BROKEN
        for broken_section, name in source.broken
        if broken_section == section
    }
    for name, entry in source.sections[section].items():
        try:
            values[name] = make(name, entry)
        except Faults as error:
            values[name] = BROKEN
            found += [
                f'{document.render_path((section, name, *place))}: {what}'
                for place, what in error.faults
            ]
    return values


def _profile(name: str, entry: dict[str, Any]) -> PowerProfile:
    readings = [float(reading) for reading in entry['power_w']]
    for step in range(1, len(readings)):
        if readings[step] < readings[step - 1]:
            raise Faults(
                (
                    ('power_w', step),
                    f'{readings[step]:g} W at {step}0 % load after '
                    f'{readings[step - 1]:g} W at a lower one; watts must '
                    'not fall as load rises: repeat the higher reading',
                )
            )
    try:
        curve = PowerCurve(tuple(readings), float(entry.get('sleep_w', 0)))
    except ValueError as error:
        raise Faults((('sleep_w',), str(error))) from None
    return PowerProfile(
        name=name,
        curve=curve,
        quality=Quality(entry['quality']),
        source=entry['source'],
    )


def _node_type(
    name: str, entry: dict[str, Any], profiles: Mapping[str, PowerProfile]
) -> NodeType:
    boards = entry.get('accelerators', ())
    found = list(_node_type_faults(entry, boards, profiles))
    if found:
        raise Faults(*found)
    profile = profiles[entry['power_profile']]
    named = [board.get('power_profile') for board in boards]
    if any(each is BROKEN for each in (profile, *map(profiles.get, named))):
        raise Faults()
    found_boards = [_accelerator(board, profiles) for board in boards]
    plain = {field: entry[field] for field in _NODE_TYPE_FIELDS}
    return NodeType(
        name=name,
        curve=accelerators.whole(profile.curve, found_boards),
        accelerators=tuple(
            sorted(found_boards, key=lambda item: (item.kind, item.model))
        ),
        **plain,
    )


def _accelerator(
    entry: dict[str, Any], profiles: Mapping[str, PowerProfile]
) -> Accelerator:
    name = entry.get('power_profile', '')
    return Accelerator(
        entry['kind'],
        entry['model'],
        entry.get('count', 1),
        profiles[name].curve if name else None,
        name,
    )


def _node_type_faults(
    entry: dict[str, Any],
    boards: Sequence[dict[str, Any]],
    profiles: Mapping[str, PowerProfile],
) -> Iterator[Fault]:
    if entry['power_profile'] not in profiles:
        what = faults.missing('power profile', entry['power_profile'])
        yield ('power_profile',), what
    if entry['threads'] < entry['cores']:
        what = f'{entry["threads"]} is less than the {entry["cores"]} cores'
        yield ('threads',), what
    for index, board in enumerate(boards):
        name = board.get('power_profile')
        if name and name not in profiles:
            what = faults.missing('power profile', name)
            yield ('accelerators', index, 'power_profile'), what
    kinds = {(board['kind'], board['model']) for board in boards}
    if len(kinds) < len(boards):
        yield ('accelerators',), 'a kind and model stands twice'


def _flavor(name: str, entry: dict[str, Any]) -> Flavor:
    return Flavor(
        name=name,
        vcpus=entry['vcpus'],
        memory_mib=entry['memory_mib'],
        disk_gib=entry['disk_gib'],
        extra_specs=tuple(sorted(entry.get('extra_specs', {}).items())),
    )


def _host(
    name: str,
    entry: dict[str, Any],
    node_types: Mapping[str, NodeType],
    profiles: Mapping[str, PowerProfile],
) -> KnownHost:
    profile = entry.get('power_profile', '')
    found: list[Fault] = []
    if entry['node_type'] not in node_types:
        what = faults.missing('node type', entry['node_type'])
        found.append((('node_type',), what))
    if profile and profile not in profiles:
        what = faults.missing('power profile', profile)
        found.append((('power_profile',), what))
    if found:
        raise Faults(*found)
    return KnownHost(
        name=name,
        node_type=entry['node_type'],
        state=HostState(entry.get('state', HostState.AWAKE)),
        power_profile=profile,
    )
