# SPDX-License-Identifier: Apache-2.0

"""What of a descriptor Heat must know whatever hardware is chosen.

TOSCA inputs become HOT parameters, so that Heat validates, merges and shows
their values as for any template, and only then ECRAE plans with them. Nothing
here needs a database, a cloud or a TOSCA parser; a section that is not as
TOSCA wants it is passed over, because planning will say what is wrong with it.
"""

from collections.abc import Mapping
from typing import Any


#: Version that heat-translator writes, unless it needs a later one.
HOT_VERSION = '2013-05-23'

#: Parameter type that HOT has for an input's; any other TOSCA type, such as
#: a scalar unit or a timestamp, is text.
PARAMETER_TYPES = {
    'integer': 'number',
    'float': 'number',
    'boolean': 'boolean',
    'list': 'comma_delimited_list',
    'map': 'json',
}


def skeleton(document: Mapping[str, Any]) -> dict[str, Any]:
    """HOT with the descriptor's inputs and outputs, and no resources."""
    topology = _section(document, 'topology_template')
    hot: dict[str, Any] = {
        'heat_template_version': HOT_VERSION,
        'parameters': {
            str(name): _parameter(schema)
            for name, schema in _section(topology, 'inputs').items()
            if isinstance(schema, Mapping)
        },
        'resources': {},
        'outputs': {
            str(name): {'value': None}
            for name in _section(topology, 'outputs')
        },
    }
    description = document.get('description')
    if isinstance(description, str):
        hot['description'] = description
    return hot


def with_parameters(
    hot: Mapping[str, Any], parameters: Mapping[str, Any]
) -> dict[str, Any]:
    """HOT of a plan, with the parameters that Heat has seen already.

    heat-translator puts the values that it is given into the template as
    defaults, where a password would stay readable. An input that it turns
    into a number, as it does with sizes such as ``10 GB``, is put into its
    places, because Heat has checked it as text.
    """
    translated = hot.get('parameters') or {}
    numbers = {
        name: translated[name]['default']
        for name, parameter in parameters.items()
        if parameter['type'] == 'string'
        and translated.get(name, {}).get('type') == 'number'
        and 'default' in translated[name]
    }
    result: dict[str, Any] = _put(dict(hot), numbers)
    result['parameters'] = {**translated, **parameters}
    return result


def _put(value: Any, numbers: Mapping[str, Any]) -> Any:
    """A copy with numbers in the places of their parameters."""
    if isinstance(value, dict):
        if len(value) == 1 and isinstance(value.get('get_param'), str):
            return numbers.get(value['get_param'], dict(value))
        return {key: _put(item, numbers) for key, item in value.items()}
    if isinstance(value, list):
        return [_put(item, numbers) for item in value]
    return value


def _section(document: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = document.get(key)
    return found if isinstance(found, Mapping) else {}


def _parameter(schema: Mapping[str, Any]) -> dict[str, Any]:
    parameter: dict[str, Any] = {
        'type': PARAMETER_TYPES.get(str(schema.get('type')), 'string')
    }
    if isinstance(schema.get('description'), str):
        parameter['description'] = schema['description']
    if schema.get('default') is not None:
        parameter['default'] = schema['default']
    elif schema.get('required') is False:
        parameter['default'] = ''
    listed = schema.get('constraints')
    constraints = [
        constraint
        for each in (listed if isinstance(listed, list) else ())
        if isinstance(each, Mapping)
        for operator, operand in each.items()
        for constraint in _constraint(operator, operand)
    ]
    if constraints:
        parameter['constraints'] = constraints
    return parameter


def _constraint(operator: str, operand: Any) -> list[dict[str, Any]]:
    """HOT's form of a constraint; none for one that HOT cannot say.

    TOSCA's own validation, with the same value, comes when planning. A
    pattern is left to that altogether: it can be malformed, or occupy the
    process for ever, and planning tries it where that harms nobody.
    """
    match operator, operand:
        case 'equal', _:
            return [{'allowed_values': [operand]}]
        case 'valid_values', list():
            return [{'allowed_values': operand}]
        case 'greater_or_equal', int() | float():
            return [{'range': {'min': operand}}]
        case 'less_or_equal', int() | float():
            return [{'range': {'max': operand}}]
        case 'in_range', [int() | float() as low, int() | float() as high]:
            return [{'range': {'min': low, 'max': high}}]
        case 'length', int():
            return [{'length': {'min': operand, 'max': operand}}]
        case 'min_length', int():
            return [{'length': {'min': operand}}]
        case 'max_length', int():
            return [{'length': {'max': operand}}]
    return []
