# SPDX-License-Identifier: Apache-2.0

"""Placement policies of a descriptor: which servers share a host or must not.

heat-translator turns a ``tosca.policies.Placement`` into a server group that
Nova enforces; a choice of hardware that breaks it would fail to boot.
"""

import dataclasses
from collections.abc import Iterator
from typing import Any

from ecrae.deployer.descriptor import Descriptor


PLACEMENT = 'tosca.policies.Placement'


@dataclasses.dataclass(frozen=True, slots=True)
class Groups:
    """Sets of nodes with a strict policy each."""

    affine: tuple[frozenset[str], ...] = ()
    anti_affine: tuple[frozenset[str], ...] = ()

    def together(self, node: str) -> frozenset[str]:
        """Nodes that must share a host with this one."""
        return _others(node, self.affine)

    def apart(self, node: str) -> frozenset[str]:
        """Nodes that must not share a host with this one."""
        return _others(node, self.anti_affine)


def _others(node: str, groups: tuple[frozenset[str], ...]) -> frozenset[str]:
    shared = [group for group in groups if node in group]
    return frozenset().union(*shared) - {node}


def placement(descriptor: Descriptor) -> Groups:
    """Groups of the strict placement policies.

    A policy of another shape is left to the parser to complain about.
    """
    found: dict[str, list[frozenset[str]]] = {
        'affinity': [],
        'anti-affinity': [],
    }
    for policy in _policies(descriptor):
        chain = list(_types(descriptor, policy.get('type')))
        if PLACEMENT not in dict(chain):
            continue
        kind = _property(policy, chain, 'policy', 'affinity')
        is_strict = _property(policy, chain, 'strict', True) is not False
        if isinstance(kind, str) and kind in found and is_strict:
            found[kind].append(_members(descriptor, policy.get('targets')))
    return Groups(tuple(found['affinity']), tuple(found['anti-affinity']))


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _policies(descriptor: Descriptor) -> Iterator[dict[str, Any]]:
    entries = descriptor.topology.get('policies')
    # TOSCA wants a list of mappings with one policy each.
    for entry in entries if isinstance(entries, list) else []:
        yield from map(_mapping, _mapping(entry).values())


def _types(
    descriptor: Descriptor, name: Any
) -> Iterator[tuple[str, dict[str, Any]]]:
    """A policy type and its ancestors with what the descriptor defines."""
    defined = _mapping(descriptor.document.get('policy_types'))
    seen: set[str] = set()
    while isinstance(name, str) and name not in seen:
        seen.add(name)
        yield name, _mapping(defined.get(name))
        name = _mapping(defined.get(name)).get('derived_from')


def _property(
    policy: dict[str, Any],
    chain: list[tuple[str, dict[str, Any]]],
    name: str,
    default: Any,
) -> Any:
    written = _mapping(policy.get('properties')).get(name)
    if written is not None:
        return written
    for _, definition in chain:
        known = _mapping(_mapping(definition.get('properties')).get(name))
        if known.get('default') is not None:
            return known['default']
    return default


def _members(descriptor: Descriptor, targets: Any) -> frozenset[str]:
    groups = descriptor.topology.get('groups')
    members: set[str] = set()
    for target in targets if isinstance(targets, list) else []:
        group = groups.get(target) if isinstance(groups, dict) else None
        if isinstance(group, dict) and isinstance(group.get('members'), list):
            members.update(m for m in group['members'] if isinstance(m, str))
        elif isinstance(target, str):
            members.add(target)
    return frozenset(members)
