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
from ecrae.kb.document import Document
from ecrae.model.cluster import Accelerator
from ecrae.model.cluster import Flavor
from ecrae.model.cluster import HostState
from ecrae.model.cluster import NodeType
from ecrae.model.knowledge import Knowledge
from ecrae.model.knowledge import KnownHost
from ecrae.model.knowledge import Tag
from ecrae.model.knowledge import TagKind
from ecrae.model.knowledge import TagTarget
from ecrae.model.power import PowerCurve
from ecrae.model.power import PowerProfile
from ecrae.model.power import Quality


#: Place inside an entry, and what is wrong there.
Fault = tuple[tuple[str | int, ...], str]

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

#: A thing that is referred to but has faults of its own.
_BROKEN: Any = object()


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
    faults = list(source.faults)
    profiles = _each(source, 'power_profiles', faults, _profile)

    def node_type(name: str, entry: dict[str, Any]) -> NodeType:
        return _node_type(name, entry, profiles)

    node_types = _each(source, 'node_types', faults, node_type)
    flavors = _each(source, 'flavors', faults, _flavor)

    def tag(name: str, entry: dict[str, Any]) -> Tag:
        return _tag(name, entry, node_types, flavors)

    tags = _each(source, 'tags', faults, tag)

    def host(name: str, entry: dict[str, Any]) -> KnownHost:
        return _host(name, entry, node_types, profiles)

    hosts = _each(source, 'hosts', faults, host)
    if faults:
        raise exception.KnowledgeError(source=source.source, faults=faults)
    return Knowledge(
        tags=tags,
        node_types=node_types,
        flavors=flavors,
        hosts=hosts,
        power_profiles=profiles,
    )


class _Faults(Exception):
    """Faults of one entry."""

    def __init__(self, *faults: Fault) -> None:
        super().__init__(faults)
        self.faults = faults


def _each(
    source: Document,
    section: str,
    faults: list[str],
    make: Callable[[str, dict[str, Any]], Any],
) -> dict[str, Any]:
    """Values of a section's entries; broken ones by a stand-in."""
    values = {
        name: _BROKEN
        for broken_section, name in source.broken
        if broken_section == section
    }
    for name, entry in source.sections[section].items():
        try:
            values[name] = make(name, entry)
        except _Faults as error:
            values[name] = _BROKEN
            faults += [
                f'{document.render_path((section, name, *place))}: {what}'
                for place, what in error.faults
            ]
    return values


def _profile(name: str, entry: dict[str, Any]) -> PowerProfile:
    readings = [float(reading) for reading in entry['power_w']]
    for step in range(1, len(readings)):
        if readings[step] < readings[step - 1]:
            raise _Faults(
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
        raise _Faults((('sleep_w',), str(error))) from None
    return PowerProfile(
        name=name,
        curve=curve,
        quality=Quality(entry['quality']),
        source=entry['source'],
    )


def _missing(noun: str, name: str) -> str:
    return f'there is no {noun} named {name!r}'


def _node_type(
    name: str, entry: dict[str, Any], profiles: Mapping[str, PowerProfile]
) -> NodeType:
    accelerators = [
        Accelerator(item['kind'], item['model'], item.get('count', 1))
        for item in entry.get('accelerators', ())
    ]
    found = list(_node_type_faults(entry, accelerators, profiles))
    if found:
        raise _Faults(*found)
    profile = profiles[entry['power_profile']]
    if profile is _BROKEN:
        raise _Faults()
    plain = {field: entry[field] for field in _NODE_TYPE_FIELDS}
    return NodeType(
        name=name,
        curve=profile.curve,
        accelerators=tuple(
            sorted(accelerators, key=lambda item: (item.kind, item.model))
        ),
        **plain,
    )


def _node_type_faults(
    entry: dict[str, Any],
    accelerators: Sequence[Accelerator],
    profiles: Mapping[str, PowerProfile],
) -> Iterator[Fault]:
    if entry['power_profile'] not in profiles:
        what = _missing('power profile', entry['power_profile'])
        yield ('power_profile',), what
    if entry['threads'] < entry['cores']:
        what = f'{entry["threads"]} is less than the {entry["cores"]} cores'
        yield ('threads',), what
    kinds = {(item.kind, item.model) for item in accelerators}
    if len(kinds) < len(accelerators):
        yield ('accelerators',), 'a kind and model stands twice'


def _flavor(name: str, entry: dict[str, Any]) -> Flavor:
    return Flavor(
        name=name,
        vcpus=entry['vcpus'],
        memory_mib=entry['memory_mib'],
        disk_gib=entry['disk_gib'],
        extra_specs=tuple(sorted(entry.get('extra_specs', {}).items())),
    )


def _tag(
    name: str,
    entry: dict[str, Any],
    node_types: Mapping[str, NodeType],
    flavors: Mapping[str, Flavor],
) -> Tag:
    found = list(_target_faults(entry, node_types, flavors))
    if found:
        raise _Faults(*found)
    targets = [
        _target(target, node_types, flavors) for target in entry['targets']
    ]
    if any(
        target.node_type is _BROKEN or target.flavor is _BROKEN
        for target in targets
    ):
        raise _Faults()
    return Tag(
        name=name,
        kind=TagKind(entry['kind']),
        description=entry.get('description', ''),
        targets=tuple(sorted(targets, key=TagTarget.order)),
        source=entry.get('source', ''),
    )


def _target(
    entry: dict[str, Any],
    node_types: Mapping[str, NodeType],
    flavors: Mapping[str, Flavor],
) -> TagTarget:
    return TagTarget(
        node_type=node_types[entry['node_type']],
        flavor=flavors[entry['flavor']],
        preference=entry['preference'],
        relative_speed=float(entry.get('relative_speed', 1.0)),
        expected_utilization=float(entry.get('expected_utilization', 0.5)),
    )


def _target_faults(
    entry: dict[str, Any],
    node_types: Mapping[str, NodeType],
    flavors: Mapping[str, Flavor],
) -> Iterator[Fault]:
    seen: set[tuple[str, str]] = set()
    for index, target in enumerate(entry['targets']):
        pair = target['node_type'], target['flavor']
        if pair[0] not in node_types:
            what = _missing('node type', pair[0])
            yield ('targets', index, 'node_type'), what
        if pair[1] not in flavors:
            yield ('targets', index, 'flavor'), _missing('flavor', pair[1])
        if pair in seen:
            what = f'node type {pair[0]!r} with {pair[1]!r} stands twice'
            yield ('targets', index), what
        seen.add(pair)
    named = sorted({node_type for node_type, _ in seen})
    if entry['kind'] == TagKind.EXACT and len(named) > 1:
        what = f'an exact tag names one node type, not {", ".join(named)}'
        yield ('targets',), what


def _host(
    name: str,
    entry: dict[str, Any],
    node_types: Mapping[str, NodeType],
    profiles: Mapping[str, PowerProfile],
) -> KnownHost:
    profile = entry.get('power_profile', '')
    found: list[Fault] = []
    if entry['node_type'] not in node_types:
        what = _missing('node type', entry['node_type'])
        found.append((('node_type',), what))
    if profile and profile not in profiles:
        what = _missing('power profile', profile)
        found.append((('power_profile',), what))
    if found:
        raise _Faults(*found)
    return KnownHost(
        name=name,
        node_type=entry['node_type'],
        state=HostState(entry.get('state', HostState.AWAKE)),
        power_profile=profile,
    )
