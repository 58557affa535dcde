# SPDX-License-Identifier: Apache-2.0

"""Break a migration at every step, in every way; look where the workload is.

usage: fault_drill.py [--runs N] [--minutes N] [--mib N] [--rate RATE]
                      [--only WORD] [--seed N]

Two nodes with agents, RabbitMQ between them, one workload that goes back and
forth. In each run one fault strikes one step of one migration. Afterwards
both ends' journals must be closed, the workload must beat on exactly one
node, have no other copy, and find its memory's digest unchanged. Prints the
table of steps × faults × outcomes; exits with 1 if any run failed.
"""

import argparse
import collections
import contextlib
import dataclasses
import itertools
import pathlib
import random
import sys
import tempfile
import threading
import time
from collections.abc import Callable

from oslo_config import cfg


sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / 'tools'))

from testnodes import fleet as fleets
from testnodes import nodes

from ecrae import exception
from ecrae import rpc
from ecrae.migration import journal as journals
from ecrae.migration import rpcapi


MODES = ('stop-and-copy', 'post-copy')
#: Journal lines that each end writes in an undisturbed migration.
LINES = {'source': 9, 'destination': 7}
NAMES = {
    'source': (
        'begun',
        'prepare',
        'ticket',
        'transfer',
        'transferring',
        'sent',
        'restore',
        'handed-over',
        'released',
    ),
    'destination': (
        'expected',
        'ticket',
        'restored',
        'active',
        'runs',
        'complete',
        'kept',
    ),
}
#: Steps at which the other faults strike, as the source's journal says.
STEPS = ('prepare', 'transferring', 'restore', 'handed-over')
STATE_MIB = 400


@dataclasses.dataclass(frozen=True)
class Fault:
    """What breaks, where, and at which step."""

    name: str
    step: str
    mode: str
    side: str = ''


def faults() -> list[Fault]:
    """Every fault at every step in every mode."""
    found = []
    for mode in MODES:
        for side, lines in LINES.items():
            found += [
                Fault('kill agent', f'{number} {when}', mode, side)
                for number in range(1, lines + 1)
                for when in ('before', 'after')
            ]
        for step in STEPS:
            found += [
                Fault('cut data link', step, mode),
                Fault('cut both links', step, mode),
                Fault('restart bus', step, mode),
                Fault('lose destination', step, mode),
                Fault('fill disk', step, mode, 'destination'),
                Fault('fill disk', step, mode, 'source'),
            ]
        helpers = ('dump', 'restore') + (
            ('lazy-pages',) if mode == 'post-copy' else ('page-server',)
        )
        found += [Fault('kill criu', helper, mode) for helper in helpers]
    return found


class Drill:
    """The fleet under fire."""

    def __init__(
        self, fleet: fleets.Fleet, mib: int, rng: random.Random
    ) -> None:
        self.fleet = fleet
        self.mib = mib
        self.rng = rng
        self.here, self.there = fleet.site.nodes.values()
        self.workload = fleets.Workload(fleet, 'web')
        conf = cfg.ConfigOpts()
        conf(['--config-file', str(fleet.site.scratch / 'control.conf')])
        self.api = rpcapi.AgentAPI(
            rpc.get_transport(conf), timeout_s=6.0, restore_timeout_s=12.0
        )

    def prepare(self) -> None:
        """Both agents answer, the workload runs on ``here``."""
        for node in (self.here, self.there):
            if node.name not in self.fleet.running_agents():
                self.fleet.start_agent(node)
            self.wait_for_agent(node)
        if not self.workload.pid:
            self.workload.start(self.here, self.mib, 0)

    def wait_for_agent(self, node: nodes.Node) -> None:
        """Return once it answers."""
        for attempt in range(30):
            try:
                self.api.get_offers(node.name, 'fake')
                return
            except exception.Unreachable:
                if attempt == 10:
                    self.fleet.restart_agent_process(node)
        raise TimeoutError(node.name)

    def journal(self, node: nodes.Node) -> journals.Journal:
        """The node's journal, read from outside."""
        return journals.Journal(self.state(node))

    def state(self, node: nodes.Node) -> pathlib.Path:
        """The folder of its migrations, seen from this machine."""
        return pathlib.Path(f'/proc/{node.pid}/root/srv/migrations')

    def entry(self, node: nodes.Node) -> journals.Entry | None:
        """The newest migration there."""
        with contextlib.suppress(OSError, exception.EcraeError):
            entries = self.journal(node).entries()
            return entries[-1] if entries else None
        return None

    def run(self, fault: Fault) -> tuple[str, str]:
        """(outcome, what is wrong) of one migration with one fault."""
        self.prepare()
        before = {
            node.name: getattr(self.entry(node), 'id', None)
            for node in (self.here, self.there)
        }
        since = time.monotonic_ns()
        struck = threading.Event()
        strike = STRIKES[fault.name]
        undo = strike(self, fault, before, struck)
        with contextlib.suppress(exception.EcraeError):
            self.api.migrate(
                self.here.name, 'criu:web', self.there.name, fault.mode
            )
        struck.wait(20.0)
        time.sleep(self.rng.uniform(0.0, 1.0))
        undo()
        return self.judge(before, since, struck.is_set())

    def judge(
        self, before: dict[str, str | None], since: int, was_struck: bool
    ) -> tuple[str, str]:
        """Wait for the recovery; then look at the world."""
        deadline = time.monotonic() + 90.0
        while self.is_open():
            if time.monotonic() > deadline:
                return 'stuck', f'journals stay open: {self.phases()}'
            self.revive()
            time.sleep(0.1)
        hosts = self.workload.hosts_beating(0.4)
        if len(hosts) != 1:
            return 'lost', f'beats on {hosts}; {self.phases()}'
        (host,) = hosts
        place = 'source' if host == self.here.name else 'destination'
        node = self.fleet.site.nodes[host]
        (other,) = (n for n in (self.here, self.there) if n is not node)
        if other.pids(self.workload.beats.name):
            return place, 'a second copy is left over'
        if not self.workload.is_intact(node):
            return place, 'memory is not intact'
        if self.switches(since) > 2:
            return place, 'it ran on both'
        if place == 'destination':
            self.here, self.there = self.there, self.here
        if not was_struck:
            return f'{place} (no fault)', ''
        return place, ''

    def switches(self, since: int) -> int:
        """How often consecutive beats are of different hosts."""
        hosts = [host for _, host in self.workload.read_beats(since)]
        return sum(a != b for a, b in itertools.pairwise(hosts))

    def is_open(self) -> bool:
        """Whether an end has not closed its journal."""
        for node in (self.here, self.there):
            entry = self.entry(node)
            if entry is not None and entry.is_open:
                return True
        return False

    def phases(self) -> str:
        """What both ends say."""
        return ', '.join(
            f'{node.name}: {entry.phase} {entry.facts.get("problem", "")}'
            for node in (self.here, self.there)
            if (entry := self.entry(node)) is not None
        )

    def revive(self) -> None:
        """Start agents that are dead."""
        for node in (self.here, self.there):
            if node.name not in self.fleet.running_agents():
                self.fleet.start_agent(node)

    def reset(self) -> None:
        """After a failed run: both nodes from scratch."""
        self.workload.stop()
        self.workload.pid = 0
        for node in (self.here, self.there):
            self.fleet.kill_agent(node)
            node.run('sh', '-c', 'rm -rf /srv/migrations/*-*')

    def at_step(self, step: str, before: dict[str, str | None]) -> bool:
        """Whether the source's journal has come to the step."""
        entry = self.entry(self.here)
        if entry is None or entry.id == before[self.here.name]:
            return False
        return step in (entry.phase, entry.facts.get('step'))

    def when(
        self,
        condition: Callable[[], bool],
        action: Callable[[], object],
        struck: threading.Event,
    ) -> threading.Thread:
        """Do the action as soon as the condition holds, within 20 s."""

        def watch() -> None:
            deadline = time.monotonic() + 20.0
            while time.monotonic() < deadline:
                if condition():
                    action()
                    struck.set()
                    return
                time.sleep(0.002)

        thread = threading.Thread(target=watch)
        thread.start()
        return thread


def _kill_agent(
    drill: Drill,
    fault: Fault,
    before: dict[str, str | None],
    struck: threading.Event,
) -> Callable[[], None]:
    node = drill.here if fault.side == 'source' else drill.there
    order = node.private / 'var' / 'die'
    order.write_text(fault.step)
    thread = drill.when(lambda: not order.exists(), lambda: None, struck)

    def undo() -> None:
        thread.join()
        order.unlink(missing_ok=True)
        if struck.is_set():
            drill.fleet.kill_agent(node)

    return undo


def _at_step(
    act: Callable[[Drill, Fault], Callable[[], None]],
) -> Callable[..., Callable[[], None]]:
    def strike(
        drill: Drill,
        fault: Fault,
        before: dict[str, str | None],
        struck: threading.Event,
    ) -> Callable[[], None]:
        undoing: list[Callable[[], None]] = []
        thread = drill.when(
            lambda: drill.at_step(fault.step, before),
            lambda: undoing.append(act(drill, fault)),
            struck,
        )

        def undo() -> None:
            thread.join()
            for action in undoing:
                action()

        return undo

    return strike


def _cut(*kinds: str) -> Callable[[Drill, Fault], Callable[[], None]]:
    def act(drill: Drill, fault: Fault) -> Callable[[], None]:
        node = drill.there
        for kind in kinds:
            node.cut(kind)

        def mend() -> None:
            time.sleep(drill.rng.choice((0.5, 3.0, 18.0)))
            for kind in kinds:
                node.mend(kind)

        return mend

    return act


def _restart_bus(drill: Drill, fault: Fault) -> Callable[[], None]:
    drill.fleet.bus.stop()
    return drill.fleet.bus.start


def _lose(drill: Drill, fault: Fault) -> Callable[[], None]:
    node = drill.there
    node.kill()
    drill.fleet.forget_agent(node)

    def boot() -> None:
        node.start()
        drill.fleet.mount_state(node)
        node.shape(drill.fleet.rate)
        drill.fleet.start_agent(node)

    return boot


def _fill(drill: Drill, fault: Fault) -> Callable[[], None]:
    node = drill.here if fault.side == 'source' else drill.there
    path = drill.state(node) / 'ballast'
    with contextlib.suppress(OSError), path.open('wb', buffering=0) as file:
        for size in (1 << 20, 1 << 12, 1):
            with contextlib.suppress(OSError):
                while file.write(b'x' * size):
                    pass
    return lambda: (drill.state(node) / 'ballast').unlink(missing_ok=True)


def _kill_criu(
    drill: Drill,
    fault: Fault,
    before: dict[str, str | None],
    struck: threading.Event,
) -> Callable[[], None]:
    node = drill.here if fault.step == 'dump' else drill.there
    found: list[int] = []

    def is_there() -> bool:
        # The program itself; the agent and the keeper name it, too.
        pids = node.pids(f'^[^ ]*criu {fault.step} ')
        found[:] = pids
        return bool(pids)

    def kill() -> None:
        time.sleep(drill.rng.choice((0.0, 0.02, 0.1, 0.4)))
        node.run('kill', '-9', *map(str, found), check=False)

    thread = drill.when(is_there, kill, struck)
    return thread.join


STRIKES = {
    'kill agent': _kill_agent,
    'cut data link': _at_step(_cut('data')),
    'cut both links': _at_step(_cut('data', 'mgmt')),
    'restart bus': _at_step(_restart_bus),
    'lose destination': _at_step(_lose),
    'fill disk': _at_step(_fill),
    'kill criu': _kill_criu,
}


def label(fault: Fault) -> tuple[str, str]:
    """(fault, step) as people say it."""
    if fault.name == 'kill agent':
        number, when = fault.step.split()
        step = NAMES[fault.side][int(number) - 1]
        return f'kill -9 agent, {fault.side}', f'{when} "{step}"'
    side = f', {fault.side}' if fault.side else ''
    return f'{fault.name}{side}', fault.step


def _print_table(results: dict[Fault, list[tuple[str, str]]]) -> int:
    failures = 0
    print(f'\n{"fault":32} {"step":24} {"mode":14} outcome')
    for fault, outcomes in results.items():
        name, step = label(fault)
        counted = collections.Counter(
            f'WRONG: {place}: {wrong}' if wrong else place
            for place, wrong in outcomes
        )
        failures += sum(bool(wrong) for _, wrong in outcomes)
        told = ', '.join(f'{n} × {what}' for what, n in counted.items())
        print(f'{name:32} {step:24} {fault.mode:14} {told}')
    return failures


def main() -> int:
    """Run the drill; 0 when every run ended as it must."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--runs', type=int, default=200)
    parser.add_argument('--mib', type=int, default=48)
    parser.add_argument('--rate', default='500mbit')
    parser.add_argument('--only', default='')
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('--minutes', type=float, default=240.0)
    options = parser.parse_args()
    rng = random.Random(options.seed)
    chosen = [f for f in faults() if options.only in f'{label(f)} {f.mode}']
    plan: list[Fault] = []
    while len(plan) < options.runs:
        plan += rng.sample(chosen, len(chosen))
    del plan[options.runs :]
    results: dict[Fault, list[tuple[str, str]]] = {f: [] for f in chosen}
    started = time.monotonic()
    with (
        tempfile.TemporaryDirectory(prefix='drill') as folder,
        fleets.running(
            pathlib.Path(folder),
            'one',
            'two',
            agent=(f'{fleets.TOOLS}/mortal.py',),
            transfer_timeout_s=15,
            complete_timeout_s=20,
            state_mib=STATE_MIB,
            rate=options.rate,
        ) as fleet,
    ):
        fleet.site.enter()
        drill = Drill(fleet, options.mib, rng)
        for number, fault in enumerate(plan, 1):
            begun = time.monotonic()
            if begun - started > options.minutes * 60:
                break
            place, wrong = drill.run(fault)
            results[fault].append((place, wrong))
            print(
                f'{number:4} {time.monotonic() - begun:5.1f} s '
                f'{" ".join(label(fault)):60} {fault.mode:14} {place} {wrong}',
                flush=True,
            )
            if wrong:
                drill.reset()
    failures = _print_table(results)
    runs = sum(map(len, results.values()))
    print(
        f'\n{runs} runs in {time.monotonic() - started:.0f} s, '
        f'{failures} of them wrong'
    )
    return 1 if failures else 0


if __name__ == '__main__':
    sys.exit(main())
