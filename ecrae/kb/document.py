# SPDX-License-Identifier: Apache-2.0

"""The knowledge base as a document: its format and its formal faults.

A document is a mapping of sections, each a mapping of entries by name, as
``data/knowledge.schema.json`` describes it. What entries say of each other
is :mod:`ecrae.kb.assembly`'s.
"""

import dataclasses
import functools
import importlib.resources
import json
import re
from collections.abc import Iterable
from collections.abc import Mapping
from typing import Any

import jsonschema

from ecrae import exception
from ecrae.kb import yaml_text


VERSION_KEY = 'ecrae_knowledge'
VERSION = 1

#: In the order in which entries may refer to earlier ones.
SECTIONS = ('power_profiles', 'node_types', 'flavors', 'tags', 'hosts')

Entries = dict[str, dict[str, Any]]


@dataclasses.dataclass(frozen=True, slots=True)
class Document:
    """Entries that are formally sound, and the faults of the others."""

    source: str
    sections: Mapping[str, Entries]
    faults: tuple[str, ...] = ()
    #: Section and name of entries left out because of their faults.
    broken: frozenset[tuple[str, str]] = frozenset()


def schema() -> dict[str, Any]:
    """JSON Schema of a document, as shipped."""
    text = _data('knowledge.schema.json')
    result: dict[str, Any] = json.loads(text)
    return result


def builtin_text() -> str:
    """Text of the built-in catalogue."""
    return _data('catalogue.yaml')


def read(text: str, source: str) -> Document:
    """Document of a YAML text.

    :param source: what the user calls the text, for faults.
    :raises KnowledgeError: it is not YAML, or not a mapping of sections.
    """
    value, faults = yaml_text.load(text, source)
    return check(value, source, faults)


def check(value: Any, source: str, faults: Iterable[str] = ()) -> Document:
    """Document of a value, its unsound entries set aside.

    :raises KnowledgeError: the value as a whole is not a document.
    """
    found = list(faults)
    broken: set[tuple[str, str]] = set()
    try:
        errors = list(_validator().iter_errors(value))
    except RecursionError:
        raise exception.KnowledgeError(
            source=source, faults=['nested too deeply']
        ) from None
    for error in errors:
        path = _path(error)
        found.append(f'{render_path(path)}: {_sentence(error)}')
        if len(path) < 2:
            # The document's own form: nothing in it can be relied on.
            raise exception.KnowledgeError(
                source=source, faults=_all_faults(found, errors)
            )
        broken.add((str(path[0]), str(path[1])))
    sections = {
        section: {
            name: entry
            for name, entry in value.get(section, {}).items()
            if (section, name) not in broken
        }
        for section in SECTIONS
    }
    return Document(source, sections, tuple(found), frozenset(broken))


def render(sections: Mapping[str, Entries]) -> str:
    """YAML text of sections; :func:`read` is its inverse."""
    return yaml_text.dump(
        {
            VERSION_KEY: VERSION,
            **{name: sections[name] for name in SECTIONS if sections[name]},
        }
    )


def render_path(path: Iterable[str | int]) -> str:
    """``tags.web.targets[2].flavor``; odd names in quotes."""
    text = ''
    for part in path:
        if isinstance(part, int):
            text += f'[{part}]'
        elif re.fullmatch(r'[\w-]+', part):
            text += f'.{part}' if text else part
        else:
            text += f'[{json.dumps(part, ensure_ascii=False)}]'
    return text or 'document'


def _data(name: str) -> str:
    package = importlib.resources.files('ecrae.kb')
    return (package / 'data' / name).read_text(encoding='utf-8')


@functools.cache
def _validator() -> Any:
    """Validator that takes no NaN for a number and no 2.0 for an integer."""
    base = jsonschema.Draft202012Validator
    types = base.TYPE_CHECKER.redefine('number', _is_number)
    types = types.redefine('integer', _is_integer)
    return jsonschema.validators.extend(base, type_checker=types)(schema())


def _is_integer(_checker: Any, value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(checker: Any, value: Any) -> bool:
    if isinstance(value, float):
        return value - value == 0.0
    return _is_integer(checker, value)


def _path(error: Any) -> list[str | int]:
    path = list(error.absolute_path)
    if 'propertyNames' in error.absolute_schema_path:
        path.append(error.instance)
    return path


def _sentence(error: Any) -> str:
    """What is wrong, without the regular expressions of the schema."""
    if error.validator == 'pattern':
        rule = error.schema.get('description', '')
        return f'{_short(error.instance)} is not allowed; expected: {rule}'
    if error.validator == 'type':
        return f'{_short(error.instance)} is not {_article(error)}'
    if error.validator in ('minItems', 'maxItems'):
        limit = error.validator_value
        least = 'at least' if error.validator == 'minItems' else 'at most'
        return f'{len(error.instance)} items; {least} {limit} are needed'
    if error.validator == 'maxLength':
        return f'longer than {error.validator_value} characters'
    return str(error.message)


def _article(error: Any) -> str:
    names = {
        'object': 'a mapping',
        'array': 'a list',
        'string': 'text (quote it)',
        'number': 'a finite number',
        'integer': 'a whole number',
    }
    return names[error.validator_value]


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f'{text[:57]}…'


def _all_faults(found: list[str], errors: list[Any]) -> list[str]:
    rest = [
        f'{render_path(_path(error))}: {_sentence(error)}' for error in errors
    ]
    return list(dict.fromkeys([*found, *rest]))
