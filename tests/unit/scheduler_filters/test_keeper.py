# SPDX-License-Identifier: Apache-2.0

import logging
import threading

import pytest

from ecrae.model.knowledge import Knowledge
from ecrae.scheduler_filters.keeper import Facts
from ecrae.scheduler_filters.keeper import Keeper
from tests import hardware


EMPTY = Knowledge(tags={}, node_types={}, flavors={})


class Source:
    """A knowledge base that can break, hang and be emptied."""

    def __init__(self):
        self.answer = hardware.knowledge({'a': 'arm'})
        self.readings = []
        self.gate = threading.Event()
        self.gate.set()
        self._round = threading.Condition()
        self._rounds = 0

    def __call__(self):
        self.gate.wait(10)
        with self._round:
            self._rounds += 1
            self._round.notify_all()
        if isinstance(self.answer, Exception):
            raise self.answer
        return Facts(self.answer, self.readings)

    def wait_rounds(self, count):
        """Until so many more readings were begun and ended."""
        with self._round:
            goal = self._rounds + count + 1
            assert self._round.wait_for(lambda: self._rounds >= goal, 10)


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def source():
    return Source()


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def keeper(source, clock):
    keeper = Keeper(
        source,
        refresh_interval_s=0.01,
        max_age_s=60,
        first_load_timeout_s=5.0,
        clock=clock,
    )
    yield keeper
    source.gate.set()
    keeper.stop()


def _lines(caplog):
    return [r for r in caplog.records if r.levelno >= logging.INFO]


def test_first_use_waits_for_the_first_reading(keeper):
    assert set(keeper.current().knowledge.hosts) == {'a'}


def test_nothing_runs_before_the_first_use(source, keeper):
    assert 'ecrae-knowledge' not in {t.name for t in threading.enumerate()}


def test_changes_arrive_with_the_next_reading(source, keeper):
    keeper.current()

    source.answer = hardware.knowledge({'a': 'arm', 'b': 'new'})
    source.wait_rounds(1)

    assert set(keeper.current().knowledge.hosts) == {'a', 'b'}


@pytest.mark.parametrize(
    'fault',
    [EMPTY, RuntimeError('broken\nand more'), KeyError('x')],
    ids=['emptied', 'broken', 'odd'],
)
def test_fault_is_outlived_and_said_once(source, clock, keeper, caplog, fault):
    healthy = source.answer
    caplog.set_level(logging.INFO)
    keeper.current()

    source.answer = fault
    source.wait_rounds(3)
    # The last good reading serves, until it is too old.
    assert keeper.current() is not None
    clock.now += 61
    assert keeper.current() is None
    assert keeper.current() is None
    assert len(_lines(caplog)) == 1
    assert '\n' not in caplog.messages[0]

    source.answer = healthy
    source.wait_rounds(1)
    assert keeper.current() is not None
    assert [r.levelname for r in _lines(caplog)] == ['WARNING', 'INFO']


def test_fault_from_the_start_is_neutral_until_it_is_mended(
    source, keeper, caplog
):
    healthy, source.answer = source.answer, OSError('no route')
    caplog.set_level(logging.INFO)

    assert keeper.current() is None

    source.answer = healthy
    source.wait_rounds(1)
    assert keeper.current() is not None
    assert [r.levelname for r in _lines(caplog)] == ['WARNING', 'INFO']


def test_hanging_database_does_not_hold_up_requests(source, clock, caplog):
    source.gate.clear()
    keeper = Keeper(
        source,
        refresh_interval_s=0.01,
        max_age_s=60,
        first_load_timeout_s=0.0,
        clock=clock,
    )
    caplog.set_level(logging.INFO)
    try:
        assert keeper.current() is None
        assert keeper.current() is None
        assert len(_lines(caplog)) == 1
        source.gate.set()
        source.wait_rounds(1)
        assert keeper.current() is not None
    finally:
        source.gate.set()
        keeper.stop()


def test_many_requests_at_once_start_one_thread(source, keeper):
    source.gate.clear()
    before = threading.active_count()
    requests = [threading.Thread(target=keeper.current) for _ in range(20)]
    for request in requests:
        request.start()
    assert threading.active_count() <= before + len(requests) + 1
    source.gate.set()
    for request in requests:
        request.join()

    assert threading.active_count() == before + 1


def test_names_of_twins_are_forgotten_with_their_entry(source, keeper):
    keeper.current()
    keeper._ambiguous.add('a')
    source.wait_rounds(1)
    assert keeper.current().hosts.node_type.tolist() == [-1]

    source.answer = hardware.knowledge({'b': 'new'})
    source.wait_rounds(1)
    source.answer = hardware.knowledge({'a': 'arm'})
    source.wait_rounds(1)

    assert len(keeper.current().hosts.node_type) == 2
