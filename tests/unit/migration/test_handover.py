# SPDX-License-Identifier: Apache-2.0

"""Crash either end anywhere, recover in any order: one place, every time.

The real ends, journals and fake driver run in one process. Every journal
line, every verb of a driver and every message is a point at which an agent
can be killed (before or after it), its host can lose power, or a message
or its answer can be lost.
"""

import dataclasses
import itertools
import pathlib
import tempfile
import threading

import pytest
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from ecrae import exception
from ecrae.migration import destination
from ecrae.migration import job as jobs
from ecrae.migration import journal
from ecrae.migration import source
from ecrae.migration.drivers import fake


ID = '6f1c0a52-98a4-4f4b-9b4e-2f0d8d1b7c11'
TIMEOUTS_S = {
    'prepare': 1.0,
    'transfer': 1.0,
    'restore': 1.0,
    'hand-over': 1.0,
    'complete': 5.0,
}


class Killed(BaseException):
    """The process is gone; nothing of it runs on."""


@dataclasses.dataclass
class Fault:
    """What happens at the given point, counted over the whole run."""

    at: int
    what: str  # agent | power | lost-request | lost-answer


class Points:
    """Counts points and strikes at those that have a fault."""

    def __init__(self, faults):
        self._faults = {fault.at: fault.what for fault in faults}
        self._count = itertools.count()
        self.struck = []

    def pass_(self, host, kinds):
        what = self._faults.get(next(self._count))
        if what in kinds:
            self.struck.append((host.name, what))
            return what
        return None


class Wrapped:
    """Lets every method of a driver's half be a point, before and after."""

    def __init__(self, half, host):
        self._half = half
        self._host = host

    def __getattr__(self, name):
        method = getattr(self._half, name)

        def call(*args):
            self._host.point()
            result = method(*args)
            self._host.world.assert_one_at_most()
            self._host.point()
            return result

        return call


class PointedJournal(journal.Journal):
    """A journal whose host can die before and after each line."""

    host = None

    def _write(self, migration_id, record):
        self.host.point()
        super()._write(migration_id, record)
        self.host.point()


class Host:
    """A machine with its disk, its agent and what runs on it."""

    def __init__(self, world, name):
        self.world = world
        self.name = name
        self.boots = 0
        self.is_up = True
        self.disk = world.directory / 'disks' / name
        self.disk.mkdir(parents=True)
        self.start()

    def start(self):
        """A fresh agent over the old disk."""
        self.is_up = True
        log = PointedJournal(self.disk)
        log.host = self
        driver = fake.FakeDriver(self.world.directory / 'copies', self.name)
        driver.source = Wrapped(driver.source, self)
        driver.destination = Wrapped(driver.destination, self)
        drivers = {'fake': driver}
        self.coming = destination.DestinationEnd(
            log,
            drivers,
            host=self.name,
            incarnation=lambda: str(self.boots),
        )
        self.going = source.SourceEnd(
            log,
            drivers,
            peer=lambda name: Wire(self.world.hosts[name]),
            incarnation=lambda: str(self.boots),
            timeouts_s=TIMEOUTS_S,
            report=lambda *_: None,
            pause=lambda _: None,
        )

    def point(self):
        what = self.world.points.pass_(self, ('agent', 'power'))
        if what is None:
            return
        self.is_up = False
        if what == 'power':
            self.boots += 1
            for copy in (self.world.directory / 'copies' / self.name).glob(
                '*'
            ):
                copy.unlink()
        raise Killed

    def recover(self):
        """Start the agent if it is down and do what its start does."""
        try:
            if not self.is_up:
                self.start()
            self.coming.recover()
            self.coming.reconcile(self.world.source_phase)
            for entry in self.coming.journal.entries():
                if entry.role is journal.Role.SOURCE:
                    self.going.recover(entry.id)
        except (Killed, exception.Unreachable):
            pass


class Wire:
    """Messages to a host's agent; some get lost, both ways."""

    def __init__(self, host):
        self._host = host

    def __getattr__(self, name):
        def call(*args):
            lost = self._host.world.points.pass_(
                self._host, ('lost-request', 'lost-answer')
            )
            if lost == 'lost-request' or not self._host.is_up:
                raise exception.Unreachable('no answer')
            try:
                answer = getattr(self._host.coming, name)(*args)
            except Killed:
                raise exception.Unreachable('no answer') from None
            if lost == 'lost-answer':
                raise exception.Unreachable('no answer')
            return answer

        return call


class World:
    """Two hosts and a workload that starts on the first."""

    def __init__(self, directory, faults, mode):
        self.directory = directory
        self.points = Points([])
        self.hosts = {name: Host(self, name) for name in ('one', 'two')}
        (directory / 'copies' / 'one').mkdir(parents=True)
        (directory / 'copies' / 'one' / 'web').write_text(fake.RUNNING)
        self.points = Points(faults)
        self.job = jobs.Job(
            id=ID,
            workload='fake:web',
            source='one',
            destination='two',
            mode=mode,
        )

    def copies(self):
        return {
            (path.parent.name, path.read_text())
            for path in (self.directory / 'copies').glob('*/web')
        }

    def assert_one_at_most(self):
        running = [host for host, state in self.copies() if state == 'running']
        assert len(running) <= 1, self.copies()

    def source_phase(self, host, migration_id):
        if not self.hosts[host].is_up:
            raise exception.Unreachable('no answer')
        return self.hosts[host].going.journal.read(migration_id).phase

    def migrate(self):
        one = self.hosts['one']
        try:
            one.going.begin(self.job)
            one.going.migrate(self.job, threading.Event())
        except Killed:
            pass

    def recover(self, order):
        for name in order:
            self.hosts[name].recover()

    def phase(self, host):
        try:
            return self.hosts[host].going.journal.read(ID).phase
        except exception.NotFound:
            return None


faults = st.lists(
    st.builds(
        Fault,
        at=st.integers(0, 60),
        what=st.sampled_from(['agent', 'lost-request', 'lost-answer']),
    ),
    max_size=5,
)
orders = st.lists(st.sampled_from(['one', 'two']), max_size=6)
modes = st.sampled_from(
    [jobs.Mode.STOP_AND_COPY, jobs.Mode.POST_COPY, jobs.Mode.LIVE]
)


def _calm(world):
    """No more faults: both agents start, twice, in either order."""
    world.points = Points([])
    world.recover(['two', 'one', 'two', 'one'])


@settings(max_examples=200)
@given(faults=faults, order=orders, mode=modes)
def test_runs_in_exactly_one_place_after_any_crashes(faults, order, mode):
    with tempfile.TemporaryDirectory() as directory:
        world = World(pathlib.Path(directory), faults, mode)
        world.migrate()
        world.recover(order)
        _calm(world)
        assert world.copies() in (
            {('one', 'running')},
            {('two', 'running')},
        ), world.points.struck
        ends = {world.phase('one'), world.phase('two')}
        assert ends in (
            {journal.Phase.RELEASED, journal.Phase.KEPT},
            {journal.Phase.RETURNED, journal.Phase.YIELDED},
            {journal.Phase.RETURNED, None},
            {None},
        )


@settings(max_examples=100)
@given(
    at=st.integers(0, 60),
    others=faults,
    order=orders,
    mode=st.sampled_from([jobs.Mode.STOP_AND_COPY, jobs.Mode.POST_COPY]),
)
def test_losing_the_destination_loses_no_workload(at, others, order, mode):
    with tempfile.TemporaryDirectory() as directory:
        world = World(pathlib.Path(directory), others, mode)
        two = world.hosts['two']
        one_point = world.hosts['one'].point
        strikes = itertools.count()

        def point():
            if next(strikes) == at:
                two.is_up = False
                two.boots += 1
                (world.directory / 'copies' / 'two' / 'web').unlink(
                    missing_ok=True
                )
            one_point()

        world.hosts['one'].point = point
        world.migrate()
        world.recover(order)
        _calm(world)
        if world.phase('one') is journal.Phase.RELEASED:
            # It had moved for good; what the host lost then is not ours.
            assert world.copies() in (set(), {('two', 'running')})
        else:
            assert world.copies() == {('one', 'running')}


def test_undisturbed_migration_ends_at_the_destination(tmp_path):
    world = World(tmp_path, [], jobs.Mode.STOP_AND_COPY)
    world.migrate()
    assert world.copies() == {('two', 'running')}
    assert world.phase('one') is journal.Phase.RELEASED
    assert world.phase('two') is journal.Phase.KEPT


@pytest.mark.parametrize('at', range(60))
def test_a_whole_copy_survives_the_loss_of_its_source(tmp_path, at):
    world = World(tmp_path, [Fault(at, 'power')], jobs.Mode.STOP_AND_COPY)
    world.migrate()
    before = world.copies()
    _calm(world)
    if before == {('two', 'stopped')}:
        assert world.copies() == {('two', 'running')}
    world.assert_one_at_most()


def test_a_second_migration_of_the_workload_is_refused(tmp_path):
    world = World(tmp_path, [], jobs.Mode.STOP_AND_COPY)
    going = world.hosts['one'].going
    going.begin(world.job)
    other = dataclasses.replace(
        world.job, id='7f1c0a52-98a4-4f4b-9b4e-2f0d8d1b7c11'
    )
    with pytest.raises(exception.Conflict, match='is in migration'):
        going.begin(other)


def test_cancelling_leaves_the_workload_at_the_source(tmp_path):
    world = World(tmp_path, [], jobs.Mode.STOP_AND_COPY)
    cancel = threading.Event()
    cancel.set()
    going = world.hosts['one'].going
    going.begin(world.job)
    assert going.migrate(world.job, cancel) is journal.Phase.RETURNED
    assert world.copies() == {('one', 'running')}


def test_the_operator_can_give_it_back_when_the_destination_is_dead(tmp_path):
    world = World(tmp_path, [], jobs.Mode.STOP_AND_COPY)
    one, two = world.hosts['one'], world.hosts['two']
    one.going.begin(world.job)
    answers = two.coming.activate
    two.coming.activate = lambda _id: (_ for _ in ()).throw(
        exception.Unreachable('no answer')
    )
    phase = one.going.migrate(world.job, threading.Event())
    assert phase is journal.Phase.HANDED_OVER
    assert ('one', 'stopped') in world.copies()
    two.coming.activate = answers
    (tmp_path / 'copies' / 'two' / 'web').unlink()
    one.going.give_back(ID, 'two is off')
    assert world.copies() == {('one', 'running')}
    with pytest.raises(exception.Conflict, match='no frozen copy'):
        one.going.give_back(ID, 'again')


@pytest.mark.parametrize(
    'mode', [jobs.Mode.STOP_AND_COPY, jobs.Mode.POST_COPY]
)
def test_a_copy_that_dies_before_it_runs_leaves_it_at_the_source(
    tmp_path, mode
):
    """As where the daemon that fetches its pages is killed just then."""
    world = World(tmp_path, [], mode)
    one, two = world.hosts['one'], world.hosts['two']
    one.going.begin(world.job)
    answers = two.coming.activate

    def activate(migration_id):
        (tmp_path / 'copies' / 'two' / 'web').unlink(missing_ok=True)
        return answers(migration_id)

    two.coming.activate = activate
    phase = one.going.migrate(world.job, threading.Event())
    assert phase is journal.Phase.RETURNED
    assert world.phase('two') is journal.Phase.YIELDED
    assert world.copies() == {('one', 'running')}
