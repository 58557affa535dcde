# SPDX-License-Identifier: Apache-2.0

import errno
import os

import pytest
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from ecrae import exception
from ecrae.migration import journal


ID = '6f1c0a52-98a4-4f4b-9b4e-2f0d8d1b7c11'
OTHER = '7f1c0a52-98a4-4f4b-9b4e-2f0d8d1b7c11'
Phase = journal.Phase


@pytest.fixture
def log(tmp_path):
    return journal.Journal(tmp_path, clock=lambda: 1000.0)


def _begin(log, migration_id=ID, workload='criu:web'):
    return log.open(migration_id, journal.Role.SOURCE, {'workload': workload})


def test_what_was_noted_is_read_by_the_next_life(log, tmp_path):
    _begin(log)
    log.note(ID, Phase.TRANSFERRING, step='transfer')
    log.note(ID, ticket={'port': 7})
    entry = journal.Journal(tmp_path).read(ID)
    assert entry.phase is Phase.TRANSFERRING
    assert entry.facts == {
        'workload': 'criu:web',
        'step': 'transfer',
        'ticket': {'port': 7},
    }


@given(cut=st.integers(1, 400))
@settings(max_examples=60)
def test_a_line_cut_anywhere_was_never_written(tmp_path_factory, cut):
    log = journal.Journal(tmp_path_factory.mktemp('journal'))
    _begin(log)
    path = log.folder(ID) / 'journal'
    whole = path.stat().st_size
    log.note(ID, Phase.TRANSFERRING, step='transfer')
    size = path.stat().st_size
    cut = min(cut, size - whole)
    with path.open('r+b') as file:
        file.truncate(size - cut)
    assert log.read(ID).phase is Phase.BEGUN
    log.note(ID, Phase.RETURNED)
    assert log.read(ID).phase is Phase.RETURNED


def test_damage_before_the_last_line_is_refused(log):
    _begin(log)
    log.note(ID, Phase.TRANSFERRING)
    path = log.folder(ID) / 'journal'
    data = bytearray(path.read_bytes())
    data[12] ^= 1
    path.write_bytes(data)
    with pytest.raises(exception.ConfigError, match='journal:1 is damaged'):
        log.read(ID)


def test_a_full_disk_leaves_the_phase_as_it_was(log, monkeypatch):
    _begin(log)

    def full(_descriptor, _data):
        raise OSError(errno.ENOSPC, 'No space left on device')

    with monkeypatch.context() as patch:
        patch.setattr(os, 'write', full)
        with pytest.raises(OSError, match='No space'):
            log.note(ID, Phase.HANDED_OVER)
    assert log.read(ID).phase is Phase.BEGUN


def test_a_flush_that_fails_promises_nothing(log, monkeypatch):
    _begin(log)

    def broken(_descriptor):
        raise OSError(errno.EIO, 'Input/output error')

    with monkeypatch.context() as patch:
        patch.setattr(os, 'fsync', broken)
        with pytest.raises(OSError, match='Input/output'):
            log.note(ID, Phase.HANDED_OVER)
    assert log.read(ID).phase is Phase.BEGUN


@pytest.mark.parametrize(
    ('path', 'then'),
    [
        ([Phase.RESTORED, Phase.YIELDED], Phase.ACTIVE),
        ([Phase.YIELDED], Phase.RESTORED),
        ([], Phase.COMPLETE),
    ],
)
def test_a_copy_given_up_can_never_run_again(log, path, then):
    log.open(ID, journal.Role.DESTINATION, {'workload': 'criu:web'})
    for phase in path:
        log.note(ID, phase)
    with pytest.raises(exception.Conflict, match='cannot become'):
        log.note(ID, then)


def test_one_open_migration_for_each_workload(log):
    _begin(log)
    with pytest.raises(exception.Conflict, match=f'in migration {ID}'):
        _begin(log, OTHER)
    log.note(ID, Phase.RETURNED)
    assert _begin(log, OTHER).is_open


def test_noting_the_same_again_writes_nothing(log):
    _begin(log)
    log.note(ID, Phase.TRANSFERRING, step='transfer')
    size = (log.folder(ID) / 'journal').stat().st_size
    log.note(ID, Phase.TRANSFERRING, step='transfer')
    assert (log.folder(ID) / 'journal').stat().st_size == size


@pytest.mark.parametrize('name', ['../x', '', ID.upper(), f'{ID}/..'])
def test_only_a_uuid_names_a_folder(log, name):
    with pytest.raises(exception.UsageError, match='UUID'):
        log.read(name)


def test_pruning_forgets_only_what_is_closed(log):
    _begin(log)
    _begin(log, OTHER, 'criu:db')
    log.note(OTHER, Phase.RETURNED)
    assert log.prune(2000.0) == [OTHER]
    assert [entry.id for entry in log.entries()] == [ID]
