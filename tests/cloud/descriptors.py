# SPDX-License-Identifier: Apache-2.0

"""Tagged descriptors, as text and as what a client sends of them."""

import textwrap

import yaml


PURE = textwrap.dedent("""\
    tosca_definitions_version: tosca_simple_yaml_1_3
    topology_template:
      inputs:
        kind: {type: string, default: web-frontend}
        cpus: {type: integer, default: 1}
      node_templates:
        web:
          type: tosca.nodes.Compute
          metadata: {ecrae.tag: {get_input: kind}}
          capabilities:
            host: {properties: {num_cpus: {get_input: cpus}}}
        db:
          type: tosca.nodes.Compute
          metadata: {ecrae.tag: memory-intensive}
        plain:
          type: tosca.nodes.Compute
          capabilities:
            host: {properties: {num_cpus: 1, mem_size: 512 MiB}}
            os:
              properties: {architecture: x86_64, distribution: ubuntu}
      outputs:
        web_address: {value: {get_attribute: [web, private_address]}}
    """)


def document(text=PURE):
    """The descriptor with Heat's line, parsed."""
    return {'heat_template_version': 'ecrae_tosca_1', **yaml.safe_load(text)}


def servers(tag, count, **host):
    """A descriptor of alike servers."""
    node = {
        'type': 'tosca.nodes.Compute',
        'metadata': {'ecrae.tag': tag},
        'capabilities': {'host': {'properties': host}},
    }
    return _stack({f'n{i}': node for i in range(count)})


def tagged(**tags):
    """A descriptor with one server a tag, by the servers' names."""
    system = {'type': 'linux', 'distribution': 'ubuntu'}
    node_templates = {
        node: {
            'type': 'tosca.nodes.Compute',
            'metadata': {'ecrae.tag': tag},
            'capabilities': {'os': {'properties': system}},
        }
        for node, tag in tags.items()
    }
    return _stack(node_templates)


def _stack(node_templates):
    return {
        'tosca_definitions_version': 'tosca_simple_yaml_1_3',
        'heat_template_version': 'ecrae_tosca_1',
        'topology_template': {'node_templates': node_templates},
    }
