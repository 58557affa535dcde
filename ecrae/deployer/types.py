# SPDX-License-Identifier: Apache-2.0

"""Node types of a descriptor: which of them are Compute, and ECRAE's own."""

from collections.abc import Iterator
from importlib import resources
from typing import Any

import yaml

from ecrae.deployer.descriptor import Descriptor


COMPUTE = 'tosca.nodes.Compute'
ECRAE_COMPUTE = 'ecrae.nodes.Compute'

#: Types that derive from one another; more than anybody has.
_MAX_DEPTH = 100

#: Parents of types that descriptors use without defining them.
_PARENTS = {
    ECRAE_COMPUTE: COMPUTE,
    'tosca.nodes.nfv.VDU': COMPUTE,
    'tosca.nodes.mec.VDU': COMPUTE,
}


def definitions() -> dict[str, Any]:
    """The node types that ECRAE adds, by name."""
    text = resources.files(__package__).joinpath('data/ecrae_types.yaml')
    types: dict[str, Any] = yaml.safe_load(text.read_text())['node_types']
    return types


def chain(descriptor: Descriptor, type_name: Any) -> Iterator[str]:
    """A type and its ancestors, nearest first, as far as they are known."""
    defined = descriptor.document.get('node_types') or {}
    seen: set[str] = set()
    while isinstance(type_name, str) and type_name not in seen:
        seen.add(type_name)
        if len(seen) > _MAX_DEPTH:
            return
        yield type_name
        if type_name in _PARENTS:
            type_name = _PARENTS[type_name]
        else:
            type_name = defined.get(type_name, {}).get('derived_from')


def is_compute(descriptor: Descriptor, type_name: Any) -> bool:
    """Whether nodes of the type become servers."""
    return COMPUTE in chain(descriptor, type_name)


def is_ecrae(descriptor: Descriptor, type_name: Any) -> bool:
    """Whether the type is ECRAE's, or derives from it."""
    return ECRAE_COMPUTE in chain(descriptor, type_name)


def author_definitions(
    descriptor: Descriptor, type_name: Any
) -> Iterator[dict[str, Any]]:
    """Definitions of a type in the descriptor, then of its ancestors."""
    defined = descriptor.document.get('node_types') or {}
    for name in chain(descriptor, type_name):
        if name != ECRAE_COMPUTE and name in defined:
            yield defined[name]
