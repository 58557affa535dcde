# SPDX-License-Identifier: Apache-2.0

"""Reads a TOSCA descriptor as what it is: input from a stranger.

What comes out of here is a document within limits that stands alone and
names no file outside of what was submitted, so that the libraries after it
have nothing to fetch. Their own errors are about TOSCA's rules only.
"""

import dataclasses
import pathlib
import posixpath
from collections.abc import Mapping
from typing import Any

from ecrae import exception
from ecrae.deployer import bundle as bundles
from ecrae.deployer import csar
from ecrae.deployer import imports
from ecrae.deployer import references
from ecrae.deployer import yaml_safety
from ecrae.deployer.bundle import Bundle


#: Versions by what the parser takes them for. It does not know 1.1, whose
#: documents are valid 1.2 documents; so they are completed as such.
TOSCA_VERSIONS = {
    'tosca_simple_yaml_1_0': 'tosca_simple_yaml_1_0',
    'tosca_simple_yaml_1_1': 'tosca_simple_yaml_1_2',
    'tosca_simple_yaml_1_2': 'tosca_simple_yaml_1_2',
    'tosca_simple_yaml_1_3': 'tosca_simple_yaml_1_3',
    'tosca_simple_profile_for_nfv_1_0_0': 'tosca_simple_profile_for_nfv_1_0_0',
    'tosca_simple_profile_for_mec_1_0_0': 'tosca_simple_profile_for_mec_1_0_0',
}

#: The key that the stock Heat client wants to see, which TOSCA lacks.
HEAT_VERSION_KEY = 'heat_template_version'
#: Its values that mean a tagged TOSCA document.
HEAT_VERSIONS = ('ecrae_tosca_1', '2026-11-20')

#: Largest document or archive; what is inside has limits of its own.
MAX_BYTES = bundles.MAX_FILE_BYTES

Source = pathlib.Path | str | bytes | Mapping[str, Any]


@dataclasses.dataclass(frozen=True, slots=True)
class Descriptor:
    """A descriptor that is safe to work with, though maybe not valid TOSCA."""

    #: What the user calls it.
    name: str
    #: Its content with imports resolved and without Heat's version key.
    document: dict[str, Any]
    bundle: Bundle
    source: yaml_safety.Document

    def error(self, fault: str, *path: str | int) -> exception.TemplateError:
        """Error that says what is wrong and, where known, on which line."""
        return exception.TemplateError(
            source=self.name, faults=[self.place(*path) + fault]
        )

    def place(self, *path: str | int) -> str:
        """``line 12: `` for a path in the document, if the line is known."""
        line = self.source.line(*path)
        return f'line {line}: ' if line else ''

    @property
    def topology(self) -> dict[str, Any]:
        """The ``topology_template``."""
        topology: dict[str, Any] = self.document['topology_template']
        return topology

    @property
    def nodes(self) -> dict[str, dict[str, Any]]:
        """Node templates by name, in the order of the document."""
        nodes: dict[str, Any] = self.topology.get('node_templates') or {}
        return nodes


def read(
    source: Source,
    *,
    name: str = '',
    files: Mapping[str, bytes] | None = None,
) -> Descriptor:
    """Descriptor of a path, of text, of a CSAR archive or of parsed YAML.

    :param source: a path stands for a descriptor with its folder, or a CSAR
        archive; ``str`` is the text of a descriptor, ``bytes`` the text of
        one or an archive, a mapping one that was safely parsed already.
    :param name: what the user calls it, for errors and the record.
    :param files: submitted files by relative path, for text and mappings.
    :raises TemplateError: malformed, over a limit, or it names something
        outside of what was submitted.
    """
    name = name or (str(source) if isinstance(source, pathlib.Path) else '')
    name = name or 'descriptor'
    if isinstance(source, pathlib.Path):
        bundle = bundles.of_path(source)
    elif isinstance(source, bytes) and csar.is_archive(source):
        bundle = bundles.of_archive(name, source)
    else:
        bundle = bundles.of_files(name, 'descriptor.yaml', files or {})
        if isinstance(source, Mapping):
            # Lines of a text that nobody has would mislead: there are none.
            value = yaml_safety.copy(dict(source), name)
            document = yaml_safety.Document(value, None)
            return _check(name, document, bundle)
        return _check(name, yaml_safety.load(source, name), bundle)
    content = bundle.read(bundle.main) or b''
    return _check(name, yaml_safety.load(content, name), bundle)


def _check(
    name: str, source: yaml_safety.Document, bundle: Bundle
) -> Descriptor:
    def error(fault: str, *path: str | int) -> exception.TemplateError:
        line = source.line(*path)
        place = f'line {line}: ' if line else ''
        return exception.TemplateError(source=name, faults=[place + fault])

    document = source.value
    if not isinstance(document, dict):
        raise error('is not a TOSCA document')
    _check_versions(document, error)
    for path, reason in references.faults(
        document, posixpath.dirname(bundle.main)
    ):
        raise error(reason, *path)
    document = {
        key: value
        for key, value in imports.inline(document, source, bundle).items()
        if key != HEAT_VERSION_KEY
    }
    _check_shape(document, error)
    return Descriptor(name, document, bundle, source)


def _check_versions(document: dict[str, Any], error: Any) -> None:
    key = 'tosca_definitions_version'
    version = document.get(key)
    if not isinstance(version, str) or version not in TOSCA_VERSIONS:
        valid = ', '.join(TOSCA_VERSIONS)
        raise error(f'{key} is {version!r}; valid are {valid}', key)
    heat_version = document.get(HEAT_VERSION_KEY)
    if heat_version is not None and str(heat_version) not in HEAT_VERSIONS:
        raise error(
            f'{HEAT_VERSION_KEY} is {heat_version!r}; a TOSCA document has '
            f'{HEAT_VERSIONS[0]} or no such line',
            HEAT_VERSION_KEY,
        )


def _check_shape(document: dict[str, Any], error: Any) -> None:
    """Be sure of the collections that this package looks into."""
    topology = document.get('topology_template')
    if not isinstance(topology, dict):
        raise error(
            'topology_template is missing or not a mapping',
            'topology_template',
        )
    sections: dict[tuple[str, ...], Any] = {
        ('topology_template', key): topology.get(key)
        for key in ('node_templates', 'inputs')
    }
    sections[('node_types',)] = document.get('node_types')
    for path, section in sections.items():
        if section is None:
            continue
        if not isinstance(section, dict):
            raise error(f'{path[-1]} is not a mapping', *path)
        for key, value in section.items():
            if not isinstance(key, str):
                raise error(f'name {key!r} is not text', *path)
            if not isinstance(value, dict):
                raise error(f'{key} is not a mapping', *path, key)
