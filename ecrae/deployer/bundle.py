# SPDX-License-Identifier: Apache-2.0

"""The files that were submitted together: nothing outside them is read.

A bundle is a CSAR archive, the folder that a descriptor lies in, or a
descriptor alone. Paths in it are relative, with ``/``, and never leave it.
"""

import dataclasses
import pathlib
import posixpath
import re
from collections.abc import Callable
from collections.abc import Mapping

from ecrae import exception
from ecrae.deployer import csar


#: Largest file that is read from a folder, and largest archive.
MAX_FILE_BYTES = 16 * 1024 * 1024

_SCHEME = re.compile(r'[A-Za-z][A-Za-z0-9+.-]*:')
_CONTROL = re.compile(r'[\x00-\x1f\x7f\\]')


@dataclasses.dataclass(frozen=True, slots=True)
class Bundle:
    """Submitted files, one of which is the descriptor."""

    #: What the user calls it.
    name: str
    #: Path of the descriptor.
    main: str
    #: Content of a file by its path; None when there is no such file.
    read: Callable[[str], bytes | None]

    def locate(self, reference: object, folder: str = '') -> str:
        """Path of the file that a reference from a folder means.

        Some archives write every path from their top instead. What is in
        neither place would be beside the document.

        :raises ValueError: it is no path, or leaves the bundle; says which.
        """
        path = resolve(reference, folder)
        if self.read(path) is None and folder:
            top = posixpath.normpath(str(reference))
            if self.read(top) is not None:
                return top
        return path

    def text(self, path: str) -> str | None:
        """Content of a text file.

        :raises TemplateError: the file is not UTF-8, so Heat cannot take it.
        """
        content = self.read(path)
        if content is None:
            return None
        try:
            return content.decode('utf-8')
        except UnicodeDecodeError:
            raise exception.TemplateError(
                source=self.name, faults=[f'{path} is not UTF-8 text']
            ) from None


def of_files(name: str, main: str, files: Mapping[str, bytes]) -> Bundle:
    """Bundle of files in memory."""
    return Bundle(name, main, files.get)


def of_path(path: pathlib.Path) -> Bundle:
    """Bundle of a CSAR archive, or of a descriptor and its folder.

    :raises TemplateError: the file cannot be read or is a bad archive.
    """
    name = str(path)
    try:
        with path.open('rb') as file:
            content = file.read(MAX_FILE_BYTES + 1)
        folder = path.parent.resolve()
    except (OSError, ValueError) as error:
        reason = getattr(error, 'strerror', None) or str(error)
        raise exception.TemplateError(source=name, faults=[reason]) from None
    if len(content) > MAX_FILE_BYTES:
        raise exception.TemplateError(
            source=name,
            faults=[f'larger than {MAX_FILE_BYTES // 1024 // 1024} MiB'],
        )
    if csar.is_archive(content):
        return of_archive(name, content)

    def read(relative: str) -> bytes | None:
        if relative == path.name:
            return content
        return _read_below(folder, relative)

    return Bundle(name, path.name, read)


def of_archive(name: str, content: bytes) -> Bundle:
    """Bundle of a CSAR archive.

    :raises TemplateError: the archive is malformed, unsafe or too large.
    """
    archive = csar.unpack(content, name)
    return of_files(name, archive.main, archive.files)


def resolve(reference: object, folder: str = '') -> str:
    """Path in the bundle that a reference from one of its folders means.

    :raises ValueError: it is no path, or leaves the bundle; says which.
    """
    if not isinstance(reference, str) or not reference.strip():
        raise ValueError('is not a path')
    if _SCHEME.match(reference):
        raise ValueError('is a URL; only submitted files may be used')
    if _CONTROL.search(reference) or reference.startswith(('/', '~')):
        raise ValueError('is not a relative path with forward slashes')
    path = posixpath.normpath(posixpath.join(folder, reference))
    if path == '..' or path.startswith('../'):
        raise ValueError('leads out of what was submitted')
    return path


def _read_below(folder: pathlib.Path, relative: str) -> bytes | None:
    try:
        target = (folder / relative).resolve(strict=True)
        if not target.is_relative_to(folder) or not target.is_file():
            return None
        with target.open('rb') as file:
            content = file.read(MAX_FILE_BYTES + 1)
    except (OSError, ValueError, RuntimeError):
        return None
    return content if len(content) <= MAX_FILE_BYTES else None
