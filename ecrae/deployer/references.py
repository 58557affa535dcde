# SPDX-License-Identifier: Apache-2.0

"""Finds every place where a TOSCA document names something to be read.

Scripts and artifacts may come only out of the bundle, and nothing may come
from a repository or URL; that is settled here, before any library parses
the document. What a later step copies into the Heat template is checked
there once more.
"""

from collections.abc import Iterator
from typing import Any

from ecrae.deployer import bundle
from ecrae.deployer.yaml_safety import Path


#: Below these keys stands data, not TOSCA.
_DATA = {'attributes', 'dsl_definitions', 'inputs', 'metadata', 'properties'}
#: Keys of an interface that are not operations.
_NOT_OPERATIONS = {'derived_from', 'description', 'inputs', 'type', 'version'}
#: Its ``file`` is a role's name, not a path.
_ROLE = 'tosca.artifacts.ansiblegalaxy.role'


def faults(document: Any, folder: str = '') -> list[tuple[Path, str]]:
    """References that leave the bundle: where each is, and what is wrong.

    :param folder: where in the bundle the document lies.
    """
    found = []
    for path, reference in _references(document, ()):
        try:
            bundle.resolve(reference, folder)
        except ValueError as error:
            found.append((path, f'{str(reference)[:200]!r} {error}'))
    for path in _repositories(document, ()):
        found.append((path, 'repositories are not allowed'))
    return found


def named(document: Any) -> Iterator[str]:
    """Files that a document without faults names."""
    for _, reference in _references(document, ()):
        yield reference


def files_of(value: Any) -> Iterator[Any]:
    """What ``get_file`` names anywhere in a value."""
    if isinstance(value, dict):
        for key, item in value.items():
            if key == 'get_file':
                yield item
            else:
                yield from files_of(item)
    elif isinstance(value, list):
        for item in value:
            yield from files_of(item)


def _references(value: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _references(item, (*path, index))
    if not isinstance(value, dict):
        return
    for key, item in value.items():
        place = (*path, key)
        if key in _DATA:
            for reference in files_of(item):
                yield place, reference
        elif key == 'interfaces':
            yield from _interfaces(item, place)
        elif key == 'artifacts':
            yield from _artifacts(item, place)
        elif key == 'get_file':
            yield place, item
        else:
            yield from _references(item, place)


def _mapping(value: Any) -> dict[Any, Any]:
    return value if isinstance(value, dict) else {}


def _interfaces(value: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    for name, interface in _mapping(value).items():
        operations = _mapping(interface)
        place: Path = (*path, name)
        if isinstance(operations.get('operations'), dict):
            operations = operations['operations']
            place = (*place, 'operations')
        for operation, definition in operations.items():
            if operation not in _NOT_OPERATIONS:
                yield from _operation(definition, (*place, operation))


def _operation(definition: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    if isinstance(definition, str):
        yield path, definition
        return
    implementation = _mapping(definition).get('implementation')
    if isinstance(implementation, str):
        yield path, implementation
    elif isinstance(implementation, dict):
        primary = implementation.get('primary')
        dependencies = implementation.get('dependencies')
        parts = [implementation, primary]
        parts += dependencies if isinstance(dependencies, list) else []
        for part in parts:
            reference = _mapping(part).get('file', part)
            if isinstance(reference, str):
                yield path, reference
    for reference in files_of(_mapping(definition).get('inputs')):
        yield path, reference


def _artifacts(value: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    if isinstance(value, list):
        for item in value:
            yield from _artifacts(item, path)
        return
    for name, artifact in _mapping(value).items():
        reference = _mapping(artifact).get('file', artifact)
        kind = str(_mapping(artifact).get('type', '')).lower()
        if isinstance(reference, str) and kind != _ROLE:
            yield (*path, name), reference


def _repositories(value: Any, path: Path) -> Iterator[Path]:
    if not isinstance(value, dict):
        if isinstance(value, list):
            for index, item in enumerate(value):
                yield from _repositories(item, (*path, index))
        return
    if not path and value.get('repositories'):
        yield ('repositories',)
    is_artifact = len(path) > 1 and path[-2] == 'artifacts'
    for key, item in value.items():
        if key in _DATA:
            continue
        if key == 'repository' and (is_artifact or 'imports' in path):
            yield (*path, key)
        yield from _repositories(item, (*path, key))
