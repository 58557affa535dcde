# SPDX-License-Identifier: Apache-2.0

"""The files of a descriptor, as they came to Heat.

heatclient uploads what ``get_file`` names, wherever that stands in the
template, and puts the file's URL in its place. A descriptor may therefore
list its own files where TOSCA leaves room for it::

    metadata:
      ecrae.files:
        scripts/install.sh: {get_file: scripts/install.sh}

Nothing is ever read but what was uploaded.
"""

from collections.abc import Mapping
from typing import Any


#: Key of the descriptor's own metadata that lists its files.
FILES = 'ecrae.files'


def split(
    document: Mapping[str, Any], uploaded: Mapping[str, str]
) -> tuple[dict[str, Any], dict[str, bytes]]:
    """The descriptor without its list of files, and the files by path.

    :param uploaded: Heat's ``files``: content by URL, or by path where the
        client gave paths.
    """
    plain = dict(document)
    files = dict(uploaded)
    if isinstance(plain.get('metadata'), Mapping):
        metadata = dict(plain.pop('metadata'))
        listed = metadata.pop(FILES, None)
        if metadata:
            plain['metadata'] = metadata
        if isinstance(listed, Mapping):
            files.update(_by_path(listed, uploaded))
    return plain, {path: text.encode() for path, text in files.items()}


def _by_path(
    listed: Mapping[str, Any], uploaded: Mapping[str, str]
) -> dict[str, str]:
    found = {}
    for path, place in listed.items():
        url = place.get('get_file') if isinstance(place, Mapping) else None
        if isinstance(url, str) and url in uploaded:
            found[str(path)] = uploaded[url]
    return found
