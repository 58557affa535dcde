# SPDX-License-Identifier: Apache-2.0

"""Values of a descriptor's inputs: what was given, or the defaults."""

from collections.abc import Mapping
from typing import Any

from ecrae import exception
from ecrae.deployer import yaml_safety
from ecrae.deployer.descriptor import Descriptor


#: heat-translator makes this one a parameter even if it is not declared.
KEY_NAME = 'key_name'


def resolve(
    descriptor: Descriptor, given: Mapping[str, Any]
) -> dict[str, Any]:
    """Value of every input that has one.

    Text for an input of another type, as a command line gives it, is read
    as YAML.

    :raises TemplateError: a value for an input that is not declared.
    """
    declared = descriptor.topology.get('inputs') or {}
    unknown = [n for n in given if n not in declared and n != KEY_NAME]
    if unknown:
        valid = ', '.join(declared) or 'none'
        raise descriptor.error(
            f'no input named {unknown[0]}; the descriptor has {valid}'
        )
    values = {
        name: definition['default']
        for name, definition in declared.items()
        if definition.get('default') is not None
    }
    for name, value in given.items():
        kind = declared.get(name, {}).get('type', 'string')
        values[name] = _read(descriptor, name, kind, value)
    return values


def _read(descriptor: Descriptor, name: str, kind: Any, value: Any) -> Any:
    is_text = kind in ('string', 'timestamp', 'version') or (
        isinstance(kind, str) and kind.startswith('scalar-unit.')
    )
    if is_text or not isinstance(value, str):
        return value
    try:
        return yaml_safety.load(value, f'input {name}').value
    except exception.TemplateError as error:
        raise descriptor.error(str(error)) from None


def value_of(
    descriptor: Descriptor,
    values: Mapping[str, Any],
    expression: Any,
    *path: str | int,
) -> Any:
    """A literal, or the value of the input that ``get_input`` names.

    :param path: where the expression stands.
    :raises TemplateError: the input has no value, or another function.
    """
    if not isinstance(expression, dict):
        return expression
    if list(expression) != ['get_input']:
        raise descriptor.error(
            f'{".".join(map(str, path))} must be a value or get_input', *path
        )
    name = expression['get_input']
    if isinstance(name, list) and len(name) == 1:
        name = name[0]
    if not isinstance(name, str) or name not in values:
        raise descriptor.error(
            f'{".".join(map(str, path))} needs a value for input {name}',
            *path,
        )
    return values[name]
