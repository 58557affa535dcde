# SPDX-License-Identifier: Apache-2.0

"""What an agent must still know after it was killed in mid-migration.

One append-only file for each migration, at both ends, each line flushed to
the disk before what it announces is done. A phase says who may run the
workload; only the transitions listed here are accepted, so a destination
that once gave its copy up can never be talked into running it again.
"""

import contextlib
import dataclasses
import enum
import errno
import json
import os
import pathlib
import re
import shutil
import threading
import time
import zlib
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from typing import Any

from ecrae import exception


class Role(enum.StrEnum):
    """Which end of the migration this host is."""

    SOURCE = 'source'
    DESTINATION = 'destination'


class Phase(enum.StrEnum):
    """Who may run the workload, as this end knows it."""

    # At the source.
    BEGUN = 'begun'
    TRANSFERRING = 'transferring'
    #: From here on only the destination's word brings the workload back.
    HANDED_OVER = 'handed-over'
    RELEASED = 'released'
    RETURNED = 'returned'
    # At the destination.
    EXPECTED = 'expected'
    RESTORED = 'restored'
    #: Running here while it still needs the source.
    ACTIVE = 'active'
    #: Running here and needing nobody: the point of no return is behind.
    COMPLETE = 'complete'
    KEPT = 'kept'
    YIELDED = 'yielded'


#: Phase → phases that may follow. Empty: the journal of it is closed.
FOLLOWING: Mapping[Phase, frozenset[Phase]] = {
    Phase.BEGUN: frozenset(
        {Phase.TRANSFERRING, Phase.HANDED_OVER, Phase.RETURNED}
    ),
    Phase.TRANSFERRING: frozenset({Phase.HANDED_OVER, Phase.RETURNED}),
    Phase.HANDED_OVER: frozenset({Phase.RELEASED, Phase.RETURNED}),
    Phase.RELEASED: frozenset(),
    Phase.RETURNED: frozenset(),
    Phase.EXPECTED: frozenset({Phase.RESTORED, Phase.ACTIVE, Phase.YIELDED}),
    Phase.RESTORED: frozenset({Phase.ACTIVE, Phase.YIELDED}),
    Phase.ACTIVE: frozenset({Phase.COMPLETE, Phase.YIELDED}),
    Phase.COMPLETE: frozenset({Phase.KEPT, Phase.YIELDED}),
    Phase.KEPT: frozenset(),
    Phase.YIELDED: frozenset(),
}
FIRST = {Role.SOURCE: Phase.BEGUN, Role.DESTINATION: Phase.EXPECTED}

_ID = re.compile(r'[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}')


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One migration as this end remembers it."""

    id: str
    role: Role
    phase: Phase
    #: Everything noted so far; what was noted later wins.
    facts: Mapping[str, Any]
    #: Unix times of the first and the last line.
    began: float
    changed: float

    @property
    def is_open(self) -> bool:
        """Whether something is still to be done for it."""
        return bool(FOLLOWING[self.phase])


def _line(record: Mapping[str, Any]) -> bytes:
    body = json.dumps(record, sort_keys=True, separators=(',', ':')).encode()
    return b'%08x %s\n' % (zlib.crc32(body), body)


def _records(data: bytes, path: pathlib.Path) -> Iterator[dict[str, Any]]:
    """Records of whole lines; a torn last line was never promised."""
    lines = data.split(b'\n')
    for number, line in enumerate(lines[:-1], 1):
        checksum, _, body = line.partition(b' ')
        if checksum == b'%08x' % zlib.crc32(body):
            yield json.loads(body)
        elif number < len(lines) - 1:
            raise exception.ConfigError(
                f'{path}:{number} is damaged, and lines follow it: this is '
                f'not what a crash leaves. Move the file away once you know '
                f'where its workload runs.'
            )


class Journal:
    """The migrations of one host, each in ``directory/ID/journal``."""

    def __init__(
        self,
        directory: pathlib.Path,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.directory = directory
        self._clock = clock
        self._lock = threading.Lock()

    def folder(self, migration_id: str) -> pathlib.Path:
        """The migration's own folder; refuses an id that is not a UUID."""
        if not _ID.fullmatch(migration_id):
            raise exception.UsageError(
                f'{migration_id!r} is no migration id: a UUID is.'
            )
        return self.directory / migration_id

    def open(
        self, migration_id: str, role: Role, facts: Mapping[str, Any]
    ) -> Entry:
        """Begin a journal.

        :raises Conflict: when the host already has one with this id, or has
            an open one for the same workload.
        """
        with self._lock:
            self._refuse_second(facts['workload'])
            folder = self.folder(migration_id)
            if (folder / 'journal').exists():
                raise exception.Conflict(
                    f'Migration {migration_id} is already known here.'
                )
            folder.mkdir(parents=True, mode=0o700, exist_ok=True)
            record = {'role': role, 'phase': FIRST[role], 'facts': dict(facts)}
            self._write(migration_id, record)
            for parent in (folder, self.directory):
                _sync_folder(parent)
            return self._read(folder)

    def note(
        self, migration_id: str, phase: Phase | None = None, **facts: Any
    ) -> Entry:
        """Add a line; on return it is on the disk.

        Noting the present phase again is harmless.

        :raises Conflict: when ``phase`` cannot follow the present one.
        """
        with self._lock:
            entry = self._read(self.folder(migration_id))
            if phase is None or phase is entry.phase:
                if all(
                    name in entry.facts and entry.facts[name] == value
                    for name, value in facts.items()
                ):
                    return entry
                phase = entry.phase
            elif phase not in FOLLOWING[entry.phase]:
                raise exception.Conflict(
                    f'Migration {migration_id} is {entry.phase} at this end; '
                    f'it cannot become {phase}.'
                )
            self._write(migration_id, {'phase': phase, 'facts': facts})
            return self._read(self.folder(migration_id))

    def read(self, migration_id: str) -> Entry:
        """The migration's state.

        :raises NotFound: when the host does not know it.
        """
        with self._lock:
            return self._read(self.folder(migration_id))

    def entries(self) -> list[Entry]:
        """Every migration of this host, oldest first."""
        with self._lock:
            return self._entries()

    def refuse_second(self, workload: str) -> None:
        """Refuse a workload that has an open migration here.

        :raises Conflict: naming that migration.
        """
        with self._lock:
            self._refuse_second(workload)

    def _refuse_second(self, workload: str) -> None:
        for entry in self._entries():
            if entry.is_open and entry.facts['workload'] == workload:
                raise exception.Conflict(
                    f'Workload {workload} is in migration {entry.id} here '
                    f'({entry.role}, {entry.phase}).'
                )

    def prune(self, older_than: float) -> list[str]:
        """Forget closed migrations last changed before that Unix time."""
        with self._lock:
            old = [
                entry.id
                for entry in self._entries()
                if not entry.is_open and entry.changed < older_than
            ]
            for migration_id in old:
                shutil.rmtree(self.folder(migration_id))
            return old

    def _entries(self) -> list[Entry]:
        found = []
        for path in self.directory.glob('*/journal'):
            # A host that died while opening one promised nothing by it.
            with contextlib.suppress(exception.NotFound):
                found.append(self._read(path.parent))
        return sorted(found, key=lambda entry: (entry.began, entry.id))

    def _read(self, folder: pathlib.Path) -> Entry:
        path = folder / 'journal'
        try:
            records = list(_records(path.read_bytes(), path))
        except FileNotFoundError:
            records = []
        if not records:
            raise exception.NotFound(noun='migration', name=folder.name)
        facts: dict[str, Any] = {}
        for record in records:
            facts.update(record['facts'])
        return Entry(
            id=folder.name,
            role=Role(records[0]['role']),
            phase=Phase(records[-1]['phase']),
            facts=facts,
            began=records[0]['time'],
            changed=records[-1]['time'],
        )

    def _write(self, migration_id: str, record: dict[str, Any]) -> None:
        path = self.folder(migration_id) / 'journal'
        line = _line({**record, 'time': self._clock()})
        descriptor = os.open(
            path, os.O_RDWR | os.O_APPEND | os.O_CREAT, mode=0o600
        )
        try:
            whole = _cut_torn_line(descriptor)
            try:
                if os.write(descriptor, line) != len(line):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                os.fsync(descriptor)
            except OSError:
                # What could not be promised must not be read later.
                os.ftruncate(descriptor, whole)
                raise
        finally:
            os.close(descriptor)


def _cut_torn_line(descriptor: int) -> int:
    """Drop what a crash left without its end of line; the size that stays."""
    size = os.fstat(descriptor).st_size
    data = os.pread(descriptor, size, 0)
    whole = data.rfind(b'\n') + 1
    if whole != size:
        os.ftruncate(descriptor, whole)
    return whole


def _sync_folder(folder: pathlib.Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
