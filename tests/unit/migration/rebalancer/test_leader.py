# SPDX-License-Identifier: Apache-2.0

"""Who leads, by locks in files and by ones that fail as servers' do."""

import pytest
import tooz
from tooz import coordination

from ecrae import exception
from ecrae.migration.rebalancer import leader
from ecrae.migration.rebalancer.leader import Leadership


@pytest.fixture
def claimant(tmp_path):
    made = []

    def make():
        made.append(Leadership(f'file://{tmp_path}/coordination'))
        return made[-1]

    yield make
    for each in made:
        each.resign()


def test_one_of_several_leads_until_it_resigns(claimant):
    first, second = claimant(), claimant()
    assert first.claim()
    assert not second.claim()
    assert first.claim()
    assert (first.is_held(), second.is_held()) == (True, False)
    first.resign()
    assert not first.is_held()
    assert second.claim()


def test_nobody_leads_unasked(claimant):
    assert not claimant().is_held()


def test_one_that_resigned_may_resign_again(claimant):
    only = claimant()
    only.claim()
    only.resign()
    only.resign()


@pytest.mark.parametrize('url', ['nothing://x', 'etcd3+http://127.0.0.1:1'])
def test_a_url_of_no_use_is_an_option_to_change(url):
    with pytest.raises(
        exception.ConfigError, match='coordination_url'
    ) as error:
        Leadership(url)
    assert url.partition(':')[0] in str(error.value)


def test_a_password_in_the_url_is_not_told():
    with pytest.raises(exception.ConfigError) as error:
        Leadership('nothing://user:secret@host/')
    assert 'secret' not in str(error.value)


class Connection:
    """A database's, whose server can end it."""

    def __init__(self):
        self.is_open = True

    def cursor(self):
        return self

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None

    def execute(self, _statement):
        if not self.is_open:
            raise OSError('server has gone away')


class Lock:
    """A lock of a server; ``tells`` whether its holder can ask about it."""

    def __init__(self, server):
        self.server = server
        self.acquired = False
        if server.has_connections:
            self._conn = Connection()

    def acquire(self, blocking):
        assert blocking is False
        if self.server.is_down:
            raise coordination.ToozConnectionError('down')
        if self.acquired or self.server.holder is not None:
            return False
        self.server.holder = self
        self.acquired = True
        return True

    def is_still_owner(self):
        if not self.server.tells:
            raise tooz.NotImplemented('not implemented')
        if self.server.is_down:
            raise coordination.ToozConnectionError('down')
        return self.server.holder is self

    def release(self):
        if self.server.is_down:
            raise coordination.ToozConnectionError('down')
        self.server.holder = None
        self.acquired = False


class Server:
    """What several coordinators agree at."""

    def __init__(self):
        self.holder = None
        self.is_down = False
        self.tells = True
        self.has_connections = False

    def start(self, start_heart):
        assert start_heart

    def get_lock(self, _name):
        return Lock(self)

    def stop(self):
        """Nothing is kept."""

    def end_connection(self):
        """Of whoever holds the lock, which is free then."""
        self.holder._conn.is_open = False
        self.holder = None


@pytest.fixture
def server(monkeypatch):
    made = Server()
    monkeypatch.setattr(
        leader.coordination, 'get_coordinator', lambda *_: made
    )
    return made


def test_a_lock_that_ran_out_is_claimed_again(server):
    first, second = Leadership('x:'), Leadership('x:')
    assert first.claim()
    server.holder = None
    assert not first.is_held()
    assert second.claim()
    assert not first.claim()
    second.resign()
    assert first.claim()


def test_who_cannot_see_the_lock_does_not_lead(server):
    only = Leadership('x:')
    assert only.claim()
    server.is_down = True
    assert not only.is_held()
    assert not only.claim()
    server.is_down, server.holder = False, None
    assert only.claim()


@pytest.mark.parametrize('has_connections', [False, True])
def test_locks_that_cannot_tell_are_believed_while_connected(
    server, has_connections
):
    server.tells, server.has_connections = False, has_connections
    first, second = Leadership('x:'), Leadership('x:')
    assert first.claim()
    assert first.is_held()
    assert first.claim()
    assert not second.claim()


def test_a_connection_that_broke_takes_the_lock_along(server):
    server.tells, server.has_connections = False, True
    first, second = Leadership('x:'), Leadership('x:')
    assert first.claim()
    server.end_connection()
    assert second.claim()
    assert not first.is_held()
    assert not first.claim()
    second.resign()
    assert first.claim()


def test_a_server_that_is_gone_does_not_hinder_the_end(server):
    only = Leadership('x:')
    only.claim()
    server.is_down = True
    only.resign()
    assert not only.is_held()
