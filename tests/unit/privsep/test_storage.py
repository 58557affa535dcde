# SPDX-License-Identifier: Apache-2.0

import os

import pytest

from ecrae import exception
from ecrae import privsep
from ecrae.privsep import storage


@pytest.fixture
def pool(tmp_path, monkeypatch):
    monkeypatch.setattr(privsep.context, 'client_mode', False)
    monkeypatch.setitem(storage._POOLS, 'incus', str(tmp_path))
    return tmp_path / 'default'


def _write(path, blocks):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(os.urandom(blocks * 4096))


def test_files_and_snapshots_count_once_each(pool):
    rootfs = pool / 'containers' / 'web' / 'rootfs'
    _write(rootfs / 'bin' / 'one', 3)
    os.link(rootfs / 'bin' / 'one', rootfs / 'bin' / 'other-name')
    (rootfs / 'elsewhere').symlink_to('/usr')
    _write(pool / 'containers-snapshots' / 'web' / 'before' / 'one', 2)
    _write(pool / 'containers' / 'other' / 'one', 50)
    found = storage.used_bytes('incus', 'default', 'container', 'web')
    assert found == pytest.approx(5 * 4096, abs=4096)


def test_volumes_are_those_of_the_default_project(pool):
    _write(pool / 'custom' / 'default_data' / 'file', 4)
    assert storage.used_bytes('incus', 'default', 'volume', 'data') == 16384


def test_what_is_not_there_takes_nothing(pool):
    assert storage.used_bytes('incus', 'default', 'volume', 'data') == 0


@pytest.mark.parametrize(
    ('kind', 'where', 'noun', 'name'),
    [
        ('docker', 'default', 'container', 'web'),
        ('incus', '../..', 'container', 'web'),
        ('incus', 'default', 'secret', 'web'),
        ('incus', 'default', 'container', '../../../etc'),
        ('incus', 'default', 'container', ''),
    ],
)
def test_nothing_else_of_the_host_is_looked_at(pool, kind, where, noun, name):
    with pytest.raises(exception.UsageError):
        storage.used_bytes(kind, where, noun, name)
