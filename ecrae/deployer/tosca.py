# SPDX-License-Identifier: Apache-2.0

"""Validates and translates with tosca-parser and heat-translator.

The only module that imports those two libraries. They keep state in globals,
open what a document refers to, crash on malformed ones and can be kept busy
for ever by a pattern; so :mod:`ecrae.deployer.sandbox` runs this module in a
process of its own, on documents that refer to nothing.
"""

import contextlib
import copy
import re
import textwrap
import traceback
from collections.abc import Iterator
from collections.abc import Mapping
from typing import Any

from toscaparser import functions
from toscaparser import tosca_template
from toscaparser.common import exception as parser_exception
from toscaparser.entity_template import EntityTemplate
from translator.hot import tosca_translator
from translator.hot.syntax import hot_resource
from translator.hot.syntax import hot_template


#: Of a list of faults, this many say enough.
_MAX_FAULTS = 10
_MAX_TEXT = 500

_REFERENCE = re.compile(r'\{ (get_param|get_resource): ([^\s{}]+) \}')


class Invalid(Exception):
    """The document is not valid TOSCA, or cannot be translated."""

    def __init__(self, faults: list[str], node: str = '') -> None:
        super().__init__('; '.join(faults))
        self.faults = [
            ' '.join(fault.split())[:_MAX_TEXT]
            for fault in faults[:_MAX_FAULTS]
        ]
        #: Node that was looked at when a library crashed.
        self.node = node


def translate(
    document: dict[str, Any], values: Mapping[str, Any]
) -> dict[str, Any]:
    """Heat template of a TOSCA document that stands alone.

    :param values: of the inputs.
    :returns: ``hot``; ``nested``, templates by the file name that ``hot``
        has for them; ``own``, names of the properties that the author gave
        each node.
    :raises Invalid: says what is wrong.
    """
    with _crashes_explained('read'):
        template = _parse(document, values)
    with _crashes_explained('translate'), _nested_templates_as_mappings():
        translator = tosca_translator.TOSCATranslator(template, dict(values))
        translator.hot_template = _Template()
        files = translator.translate_to_yaml_files_dict('')
        own = {
            node.name: [prop.name for prop in node.get_properties_objects()]
            for node in template.nodetemplates
        }
    return {'hot': files.pop(''), 'nested': files, 'own': own}


def _parse(document: dict[str, Any], values: Mapping[str, Any]) -> Any:
    try:
        # The parser writes into what it is given.
        return tosca_template.ToscaTemplate(
            yaml_dict_tpl=copy.deepcopy(document), parsed_params=dict(values)
        )
    except parser_exception.ValidationError as error:
        collected = parser_exception.ExceptionCollector.getExceptions()
        faults = [str(fault) for fault in collected] or [str(error)]
        raise Invalid(faults) from None
    finally:
        parser_exception.ExceptionCollector.stop()
        parser_exception.ExceptionCollector.clear()


@contextlib.contextmanager
def _crashes_explained(verb: str) -> Iterator[None]:
    """Say of any exception what the libraries were working on."""
    try:
        yield
    except Invalid:
        raise
    except Exception as error:
        node = _node_at(error)
        reason = str(error) or type(error).__name__
        if isinstance(error, (AttributeError, LookupError, TypeError)):
            reason = f'malformed ({type(error).__name__}: {reason})'
        about = f'node {node}: ' if node else ''
        raise Invalid([f'{about}cannot {verb} it: {reason}'], node) from error


def _node_at(error: Exception) -> str:
    """Innermost template that the code which crashed had in hand."""
    for frame, _ in reversed(list(traceback.walk_tb(error.__traceback__))):
        for value in frame.f_locals.values():
            template = getattr(value, 'nodetemplate', value)
            if isinstance(template, EntityTemplate):
                name = getattr(template, 'name', None)
                if isinstance(name, str):
                    return name
    return ''


class _Template(hot_template.HotTemplate):
    """Gives the template as it is.

    The original writes YAML and then deletes every quote from it, which
    turns text into numbers, or into whatever else the text spells.
    """

    def output_to_yaml_files_dict(
        self, base_filename: str, hot_template_version: str = ''
    ) -> dict[str, Any]:
        files: dict[str, Any] = {}
        for resource in self.resources:
            files.update(
                resource.extract_substack_templates(
                    base_filename, hot_template_version
                )
            )
        files[base_filename] = {
            'heat_template_version': hot_template_version,
            **self._description(),
            'parameters': _joined(self.parameters),
            'resources': _joined(
                resource
                for resource in self.resources
                if not resource.hide_resource
            ),
            'outputs': _joined(self.outputs),
        }
        return {name: _plain(value) for name, value in files.items()}

    def _description(self) -> dict[str, str]:
        if not self.description:
            return {}
        text = ' '.join(textwrap.wrap(self.description, 80))
        return {'description': f'{text}\n'}


def _joined(parts: Any) -> dict[str, Any]:
    joined: dict[str, Any] = {}
    for part in parts:
        joined.update(part.get_dict_output())
    return joined


def _plain(value: Any) -> Any:
    """JSON values only: what else a resource may hold, Heat cannot take."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, functions.GetInput):
        return {'get_param': value.input_name}
    if isinstance(value, str):
        return _meant(value)
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if hasattr(value, 'isoformat'):
        return value.isoformat()
    raise Invalid([f'{type(value).__name__} has no translation'])


def _meant(text: str) -> Any:
    """Text, or what heat-translator spells as the YAML that it would be."""
    if text.startswith('|\n#!'):
        return f'{text[2:]}\n'
    reference = _REFERENCE.fullmatch(text)
    return {reference[1]: reference[2]} if reference else text


@contextlib.contextmanager
def _nested_templates_as_mappings() -> Iterator[None]:
    original = hot_resource.HotResource._handle_nested_template
    hot_resource.HotResource._handle_nested_template = _nested_template
    try:
        yield
    finally:
        hot_resource.HotResource._handle_nested_template = original


def _nested_template(
    _self: Any,
    resources: Any,
    name: str,
    template_parameters: Any,
    parameters: Any = None,
) -> dict[str, Any]:
    template = {
        'heat_template_version': hot_resource.HEAT_TEMPLATE_VERSION,
        'description': hot_resource.HEAT_DESCRIPTION,
    }
    if parameters is not None:
        template['parameters'] = parameters
    if template_parameters:
        template['parameters'] = _joined(template_parameters)
    template['resources'] = _joined(resources)
    # As it is now: what happens to these resources later is for the main
    # template alone.
    return {name: _plain(template)}
