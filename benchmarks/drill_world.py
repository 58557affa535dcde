# SPDX-License-Identifier: Apache-2.0

"""Two nodes under fire, and the look at them afterwards."""

import contextlib
import itertools
import pathlib
import random
import threading
import time
from collections.abc import Callable

import drill_faults as faults
from oslo_config import cfg
from testnodes import fleet as fleets
from testnodes import nodes
from testnodes import workloads

from ecrae import exception
from ecrae import rpc
from ecrae.migration import journal as journals
from ecrae.migration import rpcapi


#: Sets a fault up; sets the event when it has struck; returns what undoes it.
Strike = Callable[
    ['Drill', faults.Fault, dict[str, str | None], threading.Event],
    Callable[[], None],
]


class Drill:
    """The fleet under fire."""

    def __init__(
        self, fleet: fleets.Fleet, mib: int, rng: random.Random
    ) -> None:
        self.fleet = fleet
        self.mib = mib
        self.rng = rng
        self.here, self.there = fleet.site.nodes.values()
        self.workload = workloads.Workload(fleet.site, fleet.shared, 'web')
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

    def run(self, fault: faults.Fault, strike: Strike) -> tuple[str, str]:
        """(outcome, what is wrong) of one migration with one fault."""
        self.prepare()
        before = {
            node.name: getattr(self.entry(node), 'id', None)
            for node in (self.here, self.there)
        }
        since = time.time_ns()
        struck = threading.Event()
        undo = strike(self, fault, before, struck)
        refusal = ''
        try:
            self.api.migrate(
                self.here.name, 'criu:web', self.there.name, fault.mode
            )
        except exception.PreCheckFailed as error:
            refusal = str(error)
        except exception.EcraeError:
            pass  # The fault struck before the answer; the journal tells.
        struck.wait(0.0 if refusal else 20.0)
        time.sleep(self.rng.uniform(0.0, 1.0))
        undo()
        if refusal:
            return 'refused', refusal
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
