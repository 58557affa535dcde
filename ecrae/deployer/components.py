# SPDX-License-Identifier: Apache-2.0

"""Finds the Compute nodes of a descriptor, their tags and what they ask for.

A node is tagged by ``metadata: {ecrae.tag: X}`` on any Compute type or by
the property ``tag`` on ``ecrae.nodes.Compute``, where types that derive from
it may give a default.
"""

import dataclasses
import math
import re
from collections.abc import Iterator
from collections.abc import Mapping
from typing import Any

from ecrae import exception
from ecrae.deployer import inputs
from ecrae.deployer import types
from ecrae.deployer.candidates import Minima
from ecrae.deployer.descriptor import Descriptor
from ecrae.model import hints
from ecrae.model.images import Wanted


#: Servers of a descriptor; as many as Heat takes resources by default.
MAX_SERVERS = 1000

_SIZE = re.compile(r'\s*([0-9]{1,15}(?:\.[0-9]{1,15})?)\s*([A-Za-z]{1,3})\s*')
_BYTES = {
    'b': 1,
    'kb': 1000,
    'kib': 1024,
    'mb': 1000**2,
    'mib': 1024**2,
    'gb': 1000**3,
    'gib': 1024**3,
    'tb': 1000**4,
    'tib': 1024**4,
}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A Compute node: what it asks for, and its tag if it has one."""

    node: str
    tag: str = ''
    #: Where in the node template the tag stands.
    tag_path: tuple[str, ...] = ()
    minima: Minima
    image: Wanted
    #: Whether the author wrote anything about the operating system.
    has_os: bool
    #: Whether the author names an image.
    has_own_image: bool
    #: Marks for the rebalancer, as metadata of the server.
    marks: Mapping[str, str] = dataclasses.field(default_factory=dict)


def servers(descriptor: Descriptor, values: Mapping[str, Any]) -> list[Server]:
    """All Compute nodes, in the order of the descriptor.

    :param values: of the inputs.
    :raises TemplateError: a malformed tag or capability, or a tag on a node
        that is not Compute.
    """
    found = []
    for node, template in descriptor.nodes.items():
        if types.is_compute(descriptor, template.get('type')):
            found.append(_Reader(descriptor, values, node).server())
        elif 'ecrae.tag' in _mapping(template.get('metadata')):
            raise descriptor.error(
                f'node {node} is tagged but its type, '
                f'{template.get("type")}, is not a Compute type',
                *path_of(node, 'metadata', 'ecrae.tag'),
            )
    if len(found) > MAX_SERVERS:
        raise descriptor.error(
            f'{len(found)} Compute nodes; {MAX_SERVERS} are the most'
        )
    return found


def path_of(node: str, *path: str | int) -> tuple[str | int, ...]:
    """Path in the document of a node template, or of what is in it."""
    return ('topology_template', 'node_templates', node, *path)


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


class _Reader:
    """Reads what one node template says, and its types by default."""

    def __init__(
        self, descriptor: Descriptor, values: Mapping[str, Any], node: str
    ) -> None:
        self._descriptor = descriptor
        self._values = values
        self._node = node
        self._template = descriptor.nodes[node]

    def server(self) -> Server:
        host = self._capability('host')
        system = self._capability('os')
        tag, tag_path = self._tag()
        return Server(
            node=self._node,
            tag=tag,
            tag_path=tag_path,
            minima=Minima(
                vcpus=self._count(host.get('num_cpus')),
                memory_mib=self._size(host, 'mem_size', 'mib'),
                disk_gib=self._size(host, 'disk_size', 'gib'),
                architecture=self._os_text(system, 'architecture').lower(),
            ),
            image=Wanted(
                os_type=self._os_text(system, 'type'),
                os_distribution=self._os_text(system, 'distribution'),
                os_version=self._os_text(system, 'version'),
            ),
            has_os=bool(system),
            has_own_image='image' in self._properties(),
            marks=dict(self._marks()),
        )

    def _error(self, fault: str, *path: str) -> exception.TemplateError:
        return self._descriptor.error(
            f'node {self._node}: {fault}', *path_of(self._node, *path)
        )

    def _setting(self, name: str) -> tuple[Any, tuple[str, ...]]:
        """Value of ECRAE's setting and its place, from metadata first."""
        metadata = _mapping(self._template.get('metadata'))
        key = f'ecrae.{name}'
        if key in metadata:
            return metadata[key], ('metadata', key)
        kind = self._template.get('type')
        if not types.is_ecrae(self._descriptor, kind):
            return None, ()
        value = self._properties().get(name)
        for definition in types.author_definitions(self._descriptor, kind):
            if value is None:
                known = _mapping(definition.get('properties')).get(name)
                value = _mapping(known).get('default')
        return value, ('properties', name)

    def _resolve(self, expression: Any, *path: str) -> Any:
        return inputs.value_of(
            self._descriptor,
            self._values,
            expression,
            *path_of(self._node, *path),
        )

    def _properties(self) -> dict[str, Any]:
        return _mapping(self._template.get('properties'))

    def _tag(self) -> tuple[str, tuple[str, ...]]:
        expression, path = self._setting('tag')
        kind = self._template.get('type')
        if expression is None:
            if path:
                raise self._error(
                    f'type {kind} needs the property "tag"', 'type'
                )
            return '', ()
        tag = self._resolve(expression, *path)
        if not isinstance(tag, str) or not tag.strip():
            raise self._error(f'tag {tag!r} is not a name', *path)
        return tag.strip(), path

    def _marks(self) -> Iterator[tuple[str, str]]:
        for name, key in (
            ('pinned', hints.PINNED),
            ('relocatable', hints.RELOCATABLE),
        ):
            expression, path = self._setting(name)
            if expression is None:
                continue
            value = str(self._resolve(expression, *path)).lower()
            if value not in ('true', 'false'):
                raise self._error(
                    f'ecrae.{name} is {value!r}; valid are true and false',
                    *path,
                )
            if value == 'true':
                yield key, value
        for name, key, most in (
            ('max_load', hints.MAX_LOAD, 1.0),
            ('max_requests_per_s', hints.MAX_REQUESTS_PER_S, 1e9),
        ):
            expression, path = self._setting(name)
            if expression is not None:
                yield key, self._limit(name, expression, path, most)

    def _limit(
        self, name: str, expression: Any, path: tuple[str, ...], most: float
    ) -> str:
        """A threshold as the text that the server's metadata has."""
        text = str(self._resolve(expression, *path))[:50]
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not 0.0 < value <= most:
            raise self._error(
                f'ecrae.{name} is {text!r}; valid are numbers above 0, at '
                f'most {most:g}',
                *path,
            )
        return f'{value:g}'

    def _capability(self, name: str) -> dict[str, Any]:
        """Resolved properties of a capability, those of types included."""
        found: dict[str, Any] = {}
        kind = self._template.get('type')
        for definition in types.author_definitions(self._descriptor, kind):
            declared = _mapping(definition.get('capabilities')).get(name)
            known = _mapping(_mapping(declared).get('properties'))
            for key, value in known.items():
                default = _mapping(value).get('default')
                if default is not None:
                    found.setdefault(key, default)
        written = _mapping(self._template.get('capabilities')).get(name)
        path = ('capabilities', name, 'properties')
        properties = _mapping(written).get('properties') or {}
        if not isinstance(properties, dict):
            raise self._error(f'{".".join(path)} is not a mapping', *path)
        for key, value in properties.items():
            if isinstance(key, str) and value is not None:
                found[key] = self._resolve(value, *path, key)
        return found

    def _count(self, value: Any) -> float:
        if value is None:
            return 0
        if isinstance(value, str) and value.strip().isascii():
            value = int(value) if value.strip().isdigit() else value
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise self._error(
                f'num_cpus is {str(value)[:50]!r}, not a number of CPUs',
                'capabilities',
                'host',
                'properties',
                'num_cpus',
            )
        return min(value, 10**9)

    def _size(self, host: dict[str, Any], key: str, unit: str) -> float:
        value = host.get(key)
        if value is None:
            return 0.0
        match = _SIZE.fullmatch(str(value)[:100])
        size = _BYTES.get(match[2].lower()) if match else None
        if not match or not size:
            raise self._error(
                f'{key} is {str(value)[:50]!r}, not a size such as "4 GiB"',
                'capabilities',
                'host',
                'properties',
                key,
            )
        return float(match[1]) * size / _BYTES[unit]

    def _os_text(self, system: dict[str, Any], key: str) -> str:
        value = system.get(key)
        if value is None:
            return ''
        path = ('capabilities', 'os', 'properties', key)
        if isinstance(value, (dict, list)):
            raise self._error(f'{".".join(path)} is not text', *path)
        typed = self._descriptor.source.text(*path_of(self._node, *path))
        # YAML takes 22.10 for the number 22.1; the author did not mean that.
        return str(value) if typed is None else typed
