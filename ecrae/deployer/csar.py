# SPDX-License-Identifier: Apache-2.0

"""Unpacks a CSAR archive into memory, trusting nothing that it says.

A CSAR is a zip file with either a ``TOSCA-Metadata/TOSCA.meta`` that names
the descriptor or exactly one YAML file at its top.
"""

import dataclasses
import io
import posixpath
import stat
import struct
import zipfile
import zlib
from collections.abc import Mapping

from ecrae import exception


MAX_FILES = 1000
#: All files of an archive together, unpacked.
MAX_TOTAL_BYTES = 64 * 1024 * 1024

_META = 'TOSCA-Metadata/TOSCA.meta'
_ENTRY = 'Entry-Definitions'
#: Others could ask for any amount of memory before the first byte is out.
_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}


@dataclasses.dataclass(frozen=True, slots=True)
class Archive:
    """What was in a CSAR."""

    files: Mapping[str, bytes]
    #: Path of the descriptor.
    main: str


def is_archive(content: bytes) -> bool:
    """Whether this is a zip file rather than YAML."""
    return content.startswith((b'PK\x03\x04', b'PK\x05\x06'))


def unpack(content: bytes, name: str) -> Archive:
    """All files of an archive.

    :param name: what the user calls the archive.
    :raises TemplateError: malformed, unsafe or too large, or no descriptor.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            files = _read_all(archive)
        return Archive(files, _main(files))
    except _Unsafe as error:
        reason = str(error)
    except (
        zipfile.BadZipFile,
        zlib.error,
        struct.error,
        EOFError,
        NotImplementedError,
        OSError,
        RuntimeError,
        ValueError,
    ) as error:
        reason = f'not a readable archive: {error}'
    raise exception.TemplateError(source=name, faults=[reason])


class _Unsafe(Exception):
    pass


def _read_all(archive: zipfile.ZipFile) -> dict[str, bytes]:
    members = archive.infolist()
    if len(members) > MAX_FILES:
        raise _Unsafe(f'more than {MAX_FILES} files')
    files: dict[str, bytes] = {}
    left = MAX_TOTAL_BYTES
    for member in members:
        _check(member)
        if member.is_dir():
            continue
        if member.filename in files:
            raise _Unsafe(f'{member.filename} stands twice')
        with archive.open(member) as file:
            files[member.filename] = file.read(left + 1)
        left -= len(files[member.filename])
        if left < 0:
            raise _Unsafe(
                f'larger than {MAX_TOTAL_BYTES // 1024 // 1024} MiB unpacked'
            )
    return files


def _check(member: zipfile.ZipInfo) -> None:
    path = member.filename.rstrip('/')
    is_plain = (
        path
        and '\\' not in member.orig_filename
        and '\0' not in member.orig_filename
        and not path.startswith('/')
        and posixpath.normpath(path) == path
        and path.split('/')[0] != '..'
    )
    if not is_plain:
        raise _Unsafe(f'{member.orig_filename!r} is not a path inside it')
    kind = stat.S_IFMT(member.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise _Unsafe(f'{path} is a link or a device')
    if member.flag_bits & 1:
        raise _Unsafe(f'{path} is encrypted')
    if member.compress_type not in _METHODS:
        raise _Unsafe(f'{path} is neither stored nor deflated')


def _main(files: Mapping[str, bytes]) -> str:
    if _META in files:
        main = _entry(files[_META])
        if main not in files:
            raise _Unsafe(f'{_META} names {main!r}, which is not in it')
        return main
    tops = [
        path
        for path in files
        if '/' not in path and path.endswith(('.yaml', '.yml'))
    ]
    if len(tops) != 1:
        raise _Unsafe(
            f'no {_META}, and {len(tops)} YAML files at the top in place of 1'
        )
    return tops[0]


def _entry(meta: bytes) -> str:
    # The first block, up to an empty line, speaks of the archive itself.
    for line in meta.decode('utf-8', 'replace').splitlines():
        key, _, value = line.partition(':')
        if key.strip() == _ENTRY:
            return value.strip()
        if not line.strip():
            break
    raise _Unsafe(f'{_META} has no {_ENTRY}')
