# SPDX-License-Identifier: Apache-2.0

"""Makes the Heat template, and sees to what heat-translator leaves open.

heat-translator guesses flavors and images; here they are what was chosen.
Servers of tagged nodes tell Nova's plugins and the rebalancer why they are.
The result is checked: a flavor and image for each server, no ``get_file``
outside of what was submitted.
"""

import dataclasses
import posixpath
from collections.abc import Iterator
from collections.abc import Mapping
from typing import Any

from ecrae.deployer import sandbox
from ecrae.deployer import yaml_safety
from ecrae.deployer.descriptor import Descriptor


_SERVER = 'OS::Nova::Server'


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ServerPlan:
    """What the template must say of the server of a Compute node."""

    flavor: str
    #: None leaves the server without one; '' asks whoever makes the stack.
    image: str | None
    #: What an image must be, for whoever is asked.
    image_hint: str = ''
    scheduler_hints: Mapping[str, str] = dataclasses.field(
        default_factory=dict
    )
    metadata: Mapping[str, str] = dataclasses.field(default_factory=dict)
    is_tagged: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class Translation:
    """A Heat template with the files that belong to it."""

    hot: dict[str, Any]
    #: Text of each file by the name that ``get_file`` or ``type`` has.
    files: dict[str, str]
    #: Files that the template names but nobody submitted.
    missing: tuple[str, ...]


def translate(
    descriptor: Descriptor,
    completed: Mapping[str, Any],
    values: Mapping[str, Any],
    servers: Mapping[str, ServerPlan],
) -> Translation:
    """Heat template of a completed descriptor.

    :param values: of the inputs.
    :param servers: by the name of the node.
    :raises TemplateError: not valid TOSCA, or not translatable.
    """
    answer = sandbox.translate(descriptor, completed, values)
    hot, nested = answer['hot'], answer['nested']
    for template in (hot, *nested.values()):
        _rewrite_servers(template, servers, answer['own'])
    files = {
        name: yaml_safety.dump(template) for name, template in nested.items()
    }
    missing = []
    for template in (hot, *nested.values()):
        for holder in _file_references(template):
            path = _locate(descriptor, holder['get_file'])
            holder['get_file'] = path
            text = descriptor.bundle.text(path)
            if text is None:
                missing.append(path)
            else:
                files[path] = text
    return Translation(hot, files, tuple(dict.fromkeys(missing)))


def _rewrite_servers(
    template: dict[str, Any],
    servers: Mapping[str, ServerPlan],
    own: Mapping[str, list[str]],
) -> None:
    nameless: set[str] = set()
    for node, plan in servers.items():
        resource = template.get('resources', {}).get(node, {})
        if resource.get('type') != _SERVER:
            continue
        properties = resource.setdefault('properties', {})
        given = own.get(node, ())
        if plan.is_tagged or 'flavor' not in given:
            properties['flavor'] = plan.flavor
        if 'image' not in given:
            _set_image(template, node, properties, plan)
        if not properties.get('networks'):
            # Since microversion 2.37 Nova insists on being told, and Heat
            # uses the newest; "auto" takes the project's network as Nova
            # once did.
            properties['networks'] = [{'allocate_network': 'auto'}]
            nameless.add(node)
        for key, ours in (
            ('scheduler_hints', plan.scheduler_hints),
            ('metadata', plan.metadata),
        ):
            theirs = properties.get(key) or {}
            if ours:
                properties[key] = {**theirs, **ours}
    _unname_networks(template, nameless)


def _unname_networks(value: Any, nodes: set[str]) -> None:
    """Take servers' first addresses, whatever their network is called.

    heat-translator writes that the network is called "private".
    """
    if isinstance(value, dict):
        reference = value.get('get_attr')
        if (
            isinstance(reference, list)
            and reference[1:] == ['networks', 'private', 0]
            and reference[0] in nodes
        ):
            value['get_attr'] = [reference[0], 'first_address']
        for item in value.values():
            _unname_networks(item, nodes)
    elif isinstance(value, list):
        for item in value:
            _unname_networks(item, nodes)


def _set_image(
    template: dict[str, Any],
    node: str,
    properties: dict[str, Any],
    plan: ServerPlan,
) -> None:
    if plan.image is None:
        properties.pop('image', None)
    elif plan.image:
        properties['image'] = plan.image
    else:
        name = f'{node}_image'
        properties['image'] = {'get_param': name}
        template.setdefault('parameters', {})[name] = {
            'type': 'string',
            'description': f'Image for {node}: {plan.image_hint}',
        }


def _file_references(value: Any) -> Iterator[dict[str, Any]]:
    """Every mapping that has a ``get_file``."""
    if isinstance(value, dict):
        if 'get_file' in value:
            yield value
        for item in value.values():
            yield from _file_references(item)
    elif isinstance(value, list):
        for item in value:
            yield from _file_references(item)


def _locate(descriptor: Descriptor, reference: Any) -> str:
    """Path in the bundle; TOSCA is unsure of what it is relative to."""
    folder = posixpath.dirname(descriptor.bundle.main)
    try:
        return descriptor.bundle.locate(reference, folder)
    except ValueError as error:
        shown = f'file {str(reference)[:200]!r} {error}'
        raise descriptor.error(shown) from None
