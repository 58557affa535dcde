# SPDX-License-Identifier: Apache-2.0

"""Puts the definitions that a descriptor imports into the descriptor.

The result stands alone, so that whoever parses it has nothing left to open.
As in TOSCA's own parser a later import overrides an earlier one and the
descriptor overrides them all; imported topologies are left out, as
heat-translator cannot substitute nodes.
"""

import dataclasses
import posixpath
from typing import Any

from ecrae import exception
from ecrae.deployer import references
from ecrae.deployer import yaml_safety
from ecrae.deployer.bundle import Bundle


#: Sections of definitions, all that an import brings.
SECTIONS = (
    'artifact_types',
    'capability_types',
    'data_types',
    'group_types',
    'interface_types',
    'node_types',
    'policy_types',
    'relationship_types',
)

#: Imported files; each is also within the limits of a document.
MAX_FILES = 100
#: All imported files together.
MAX_TOTAL_BYTES = 8 * 1024 * 1024
MAX_TOTAL_NODES = 300_000


def inline(
    document: dict[str, Any], source: yaml_safety.Document, bundle: Bundle
) -> dict[str, Any]:
    """The document with definitions in place of its ``imports``.

    Order is kept: new sections stand where ``imports`` stood.

    :raises TemplateError: an import is missing, unsafe or malformed.
    """
    if not document.get('imports'):
        return {
            key: value for key, value in document.items() if key != 'imports'
        }
    gathered = _Gathered(bundle)
    gathered.follow(document['imports'], source, bundle.main)
    merged: dict[str, Any] = {}
    for key, value in document.items():
        if key == 'imports':
            for section, definitions in gathered.sections.items():
                merged.setdefault(section, {}).update(definitions)
        elif key in SECTIONS and (value is None or isinstance(value, dict)):
            merged[key] = {**gathered.sections.get(key, {}), **(value or {})}
        else:
            merged[key] = value
    return merged


@dataclasses.dataclass
class _Gathered:
    bundle: Bundle
    sections: dict[str, dict[str, Any]] = dataclasses.field(
        default_factory=dict
    )
    seen: set[tuple[str, str]] = dataclasses.field(default_factory=set)
    size_bytes: int = 0
    nodes: int = 0

    def follow(
        self, imports: Any, source: yaml_safety.Document, importer: str
    ) -> None:
        """Gather what one file imports, the imports of imports first."""
        if not isinstance(imports, list):
            raise self._error(importer, 1, '"imports" is not a list')
        for index, entry in enumerate(imports):
            line = source.line('imports', index)
            for reference, prefix in _targets(entry):
                try:
                    path = self._locate(reference, importer)
                except ValueError as error:
                    shown = f'import {str(reference)[:200]!r} {error}'
                    raise self._error(importer, line, shown) from None
                self._read(path, prefix)

    def _error(
        self, file: str, line: int | None, reason: str
    ) -> exception.TemplateError:
        name = self.bundle.name
        if file != self.bundle.main:
            name = f'{name}, {file}'
        place = f'line {line}: ' if line else ''
        return exception.TemplateError(source=name, faults=[place + reason])

    def _locate(self, reference: Any, importer: str) -> str:
        path = self.bundle.locate(reference, posixpath.dirname(importer))
        if self.bundle.read(path) is None:
            raise ValueError('is not among the submitted files')
        return path

    def _read(self, path: str, prefix: str) -> None:
        if (path, prefix) in self.seen:
            return
        self.seen.add((path, prefix))
        content = self.bundle.read(path) or b''
        self.size_bytes += len(content)
        if len(self.seen) > MAX_FILES or self.size_bytes > MAX_TOTAL_BYTES:
            raise self._error(path, None, 'too many or too large imports')
        name = f'{self.bundle.name}, {path}'
        source = yaml_safety.load(content, name)
        self.nodes += source.nodes
        if self.nodes > MAX_TOTAL_NODES:
            raise self._error(path, None, 'too many values in imports')
        if not isinstance(source.value, dict):
            raise self._error(path, None, 'is not a TOSCA document')
        for place, reason in references.faults(
            source.value, posixpath.dirname(path)
        ):
            raise self._error(path, source.line(*place), reason)
        if source.value.get('imports'):
            self.follow(source.value['imports'], source, path)
        for section in SECTIONS:
            definitions = source.value.get(section)
            if isinstance(definitions, dict):
                self.sections.setdefault(section, {}).update(
                    {
                        f'{prefix}.{key}' if prefix else key: value
                        for key, value in definitions.items()
                    }
                )


def _targets(entry: Any) -> list[tuple[Any, str]]:
    """Path and namespace prefix of each file that an entry names."""
    if not isinstance(entry, dict):
        return [(entry, '')]
    if 'file' in entry:
        return [_target(entry)]
    return [
        _target(value) if isinstance(value, dict) else (value, '')
        for value in entry.values()
    ]


def _target(definition: dict[str, Any]) -> tuple[Any, str]:
    prefix = definition.get('namespace_prefix')
    return definition.get('file'), prefix if isinstance(prefix, str) else ''
