# SPDX-License-Identifier: Apache-2.0

"""Descriptors as a client sends them: parsed, with Heat's line."""

from typing import Any


def server(tag=None, **host):
    """A Compute node, with what it asks of its host."""
    node: dict[str, Any] = {'type': 'tosca.nodes.Compute'}
    if tag is not None:
        node['metadata'] = {'ecrae.tag': tag}
    if host:
        node['capabilities'] = {'host': {'properties': host}}
    if tag is None:
        # Heat builds no server without an image.
        node['capabilities'] = {
            'os': {'properties': {'distribution': 'debian'}}
        }
    return node


def descriptor(*, inputs=None, outputs=None, **nodes):
    """A descriptor of the given nodes."""
    topology: dict[str, Any] = {'node_templates': nodes}
    if inputs:
        topology['inputs'] = inputs
    if outputs:
        topology['outputs'] = outputs
    return {
        'tosca_definitions_version': 'tosca_simple_yaml_1_3',
        'heat_template_version': 'ecrae_tosca_1',
        'topology_template': topology,
    }
