# SPDX-License-Identifier: Apache-2.0

"""Reads YAML that nobody vouches for, and remembers its lines.

One pass over the parser's events finds out how big the document would be
once its aliases are followed; only a document within the limits is built.
Events come from libyaml without recursion, so that a hostile nesting meets a
counter and not the end of the stack.
"""

import dataclasses
from collections.abc import Iterator
from typing import Any

import yaml

from ecrae import exception


# libyaml's parser is ten times faster; wheels of PyYAML bring it.
_Loader: Any = getattr(yaml, 'CSafeLoader', yaml.SafeLoader)
_SafeDumper: Any = getattr(yaml, 'CSafeDumper', yaml.SafeDumper)

#: A plain scalar, collection or date: all that TOSCA needs.
_TAGS = {
    f'tag:yaml.org,2002:{name}'
    for name in (
        'bool',
        'float',
        'int',
        'map',
        'merge',
        'null',
        'seq',
        'str',
        'timestamp',
        'value',
    )
}

Path = tuple[str | int, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class Limits:
    """What a document may cost; generous for what people write."""

    size_bytes: int = 1024 * 1024
    depth: int = 50
    #: Scalars and collections, each alias counted as all it stands for.
    nodes: int = 100_000


DEFAULT_LIMITS = Limits()


@dataclasses.dataclass(frozen=True, slots=True)
class Document:
    """A value read from YAML, and where its parts stand."""

    value: Any
    root: Any
    #: Scalars and collections, each alias counted as all it stands for.
    nodes: int = 0

    def line(self, *path: str | int) -> int | None:
        """Line of the innermost part of a path that the text has."""
        node, line = self.root, None
        for step in path:
            found = _child(node, step)
            if found is None:
                break
            line, node = found
        return line

    def text(self, *path: str | int) -> str | None:
        """A scalar as it was typed, say ``22.10`` that YAML reads as 22.1."""
        node = self.root
        for step in path:
            found = _child(node, step)
            if found is None:
                return None
            node = found[1]
        return node.value if isinstance(node, yaml.ScalarNode) else None


def load(
    source: str | bytes, name: str, limits: Limits = DEFAULT_LIMITS
) -> Document:
    """One YAML document, checked.

    :param name: what the user calls the document.
    :raises TemplateError: not YAML, over a limit, a key that stands twice.
    """
    try:
        text = _decode(source, limits)
        nodes = _measure(text, limits)
        loader = _Loader(text)
        try:
            root = loader.get_single_node()
            value = _Builder(loader).build(root) if root else None
        finally:
            loader.dispose()
    except _Refused as refusal:
        raise _error(name, refusal.line, refusal.reason) from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else None
        raise _error(name, line, f'not YAML: {error.problem}') from None
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        reason = ' '.join(str(error).split())[:200]
        raise _error(name, None, f'not YAML: {reason}') from None
    return Document(value, root, nodes)


class _Refused(Exception):
    def __init__(self, reason: str, mark: Any = None) -> None:
        self.reason = reason
        self.line = mark.line + 1 if mark else None
        super().__init__(reason)


def _error(
    name: str, line: int | None, reason: str
) -> exception.TemplateError:
    place = f'line {line}: ' if line else ''
    return exception.TemplateError(source=name, faults=[place + reason])


def _decode(source: str | bytes, limits: Limits) -> str:
    if len(source) > limits.size_bytes:
        raise _Refused(f'larger than {limits.size_bytes // 1024} KiB')
    if isinstance(source, bytes):
        try:
            return source.decode('utf-8-sig')
        except UnicodeDecodeError as error:
            raise _Refused(f'not UTF-8 at byte {error.start}') from None
    return source


class _Tally:
    """Counts nodes as if every alias were written out."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.total = 0
        self.sizes: dict[str, int] = {}
        self.open: list[tuple[str | None, int]] = []

    def add(self, size: int, mark: Any) -> None:
        self.total += size
        if self.total > self.limits.nodes:
            raise _Refused(
                f'more than {self.limits.nodes} values, aliases followed',
                mark,
            )

    def scalar(self, event: Any) -> None:
        self.add(1, event.start_mark)
        if event.anchor:
            self.sizes[event.anchor] = 1

    def start(self, event: Any) -> None:
        self.add(1, event.start_mark)
        self.open.append((event.anchor, self.total - 1))
        if event.anchor:
            # Until it is complete, an alias to it would be a cycle.
            self.sizes.pop(event.anchor, None)
        if len(self.open) > self.limits.depth:
            raise _Refused(
                f'nested deeper than {self.limits.depth} levels',
                event.start_mark,
            )

    def end(self) -> None:
        anchor, before = self.open.pop()
        if anchor:
            self.sizes[anchor] = self.total - before

    def alias(self, event: Any) -> None:
        if event.anchor not in self.sizes:
            raise _Refused(
                f'alias *{event.anchor} names nothing that is complete',
                event.start_mark,
            )
        self.add(self.sizes[event.anchor], event.start_mark)


def _measure(text: str, limits: Limits) -> int:
    tally = _Tally(limits)
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.ScalarEvent):
            tally.scalar(event)
        elif isinstance(event, yaml.CollectionStartEvent):
            tally.start(event)
        elif isinstance(event, yaml.CollectionEndEvent):
            tally.end()
        elif isinstance(event, yaml.AliasEvent):
            tally.alias(event)
    return tally.total


class _Builder:
    """Makes values of nodes; every alias becomes a copy of its own."""

    def __init__(self, loader: Any) -> None:
        self._loader = loader
        self._merged: set[int] = set()

    def build(self, node: Any) -> Any:
        if node.tag not in _TAGS:
            raise _Refused(
                f'YAML tag {node.tag} is not allowed', node.start_mark
            )
        if isinstance(node, yaml.MappingNode):
            return dict(self._pairs(node))
        if isinstance(node, yaml.SequenceNode):
            return [self.build(item) for item in node.value]
        try:
            return self._loader.construct_object(node)
        except (AttributeError, LookupError, ValueError) as error:
            raise _Refused(f'not YAML: {error}', node.start_mark) from None

    def _pairs(self, node: Any) -> Iterator[tuple[Any, Any]]:
        if id(node) not in self._merged:
            self._merged.add(id(node))
            self._check_keys(node)
            self._loader.flatten_mapping(node)
        for key_node, value_node in node.value:
            yield self.build(key_node), self.build(value_node)

    def _check_keys(self, node: Any) -> None:
        seen = set()
        for key_node, _ in node.value:
            if key_node.tag == 'tag:yaml.org,2002:merge':
                continue
            if not isinstance(key_node, yaml.ScalarNode):
                raise _Refused('a key must be a name', key_node.start_mark)
            key = self.build(key_node)
            if key in seen:
                raise _Refused(f'{key} stands twice', key_node.start_mark)
            seen.add(key)


def _child(node: Any, step: str | int) -> tuple[int, Any] | None:
    if isinstance(node, yaml.MappingNode):
        # From the end: what was merged in stands first and is overridden.
        for key, value in reversed(node.value):
            if getattr(key, 'value', None) == step:
                return key.start_mark.line + 1, value
    elif (
        isinstance(node, yaml.SequenceNode)
        and isinstance(step, int)
        and step < len(node.value)
    ):
        item = node.value[step]
        return item.start_mark.line + 1, item
    return None


class _Dumper(_SafeDumper):
    """Writes equal values out instead of referring to the first."""

    def ignore_aliases(self, _data: Any) -> bool:
        return True


def dump(value: Any) -> str:
    """YAML text of a checked value, which :func:`load` reads back."""
    text: str = yaml.dump(
        value, Dumper=_Dumper, sort_keys=False, allow_unicode=True
    )
    return text


def copy(value: Any, name: str, limits: Limits = DEFAULT_LIMITS) -> Any:
    """A copy of parsed YAML, checked like the text that it came from.

    :raises TemplateError: over a limit, or not what YAML can express.
    """
    try:
        text = yaml.dump(value, Dumper=_SafeDumper, sort_keys=False)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        reason = ' '.join(str(error).split())[:200]
        raise _error(name, None, f'not YAML: {reason}') from None
    return load(text, name, limits).value
