# SPDX-License-Identifier: Apache-2.0

"""Total time and downtime of ECRAE's migrations beside those by hand.

usage: migration_downtime.py [--sizes MIB,…] [--rate RATE] [--rounds N]
                             [--no-containers]

In one run, for each size: ``criu dump``, a copy of the images over plain TCP
and ``criu restore`` by hand, unencrypted; the same process through two
agents over RabbitMQ, encrypted, in every mode that this kernel supports; the
same program in a container by ``incus move`` and by the agents. Downtime is
the longest gap in the workload's own heartbeat. The rate is that of the
bytes that left the source's wire over the time that the wire was busy.
"""

import argparse
import contextlib
import itertools
import pathlib
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from collections.abc import Iterator


sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / 'tools'))

from testnodes import containers
from testnodes import fleet as fleets
from testnodes import nodes
from testnodes import roots
from testnodes import workloads


_RECEIVE = """
import socket, subprocess, sys
with socket.create_server((sys.argv[1], 27500)) as server:
    print('ready', flush=True)
    peer, _ = server.accept()
    subprocess.run(['tar', '-xf', '-', '-C', '/srv/hand'], stdin=peer)
"""
_SEND = """
import socket, subprocess, sys
with socket.create_connection((sys.argv[1], 27500)) as peer:
    subprocess.run(['tar', '-cf', '-', '-C', '/srv/hand', '.'], stdout=peer)
"""


def by_hand(
    workload: workloads.Workload, here: nodes.Node, there: nodes.Node
) -> float:
    """Dump to disk, copy, restore; total seconds."""
    for node in (here, there):
        node.run('sh', '-c', 'rm -rf /srv/hand; mkdir /srv/hand')
    python = '/usr/bin/python3'
    receiver = subprocess.Popen(
        there.command(python, '-c', _RECEIVE, there.address),
        stdout=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        env=here.site.environment | {'PYTHONPATH': ''},
    )
    if receiver.stdout is None or not receiver.stdout.readline():
        raise RuntimeError('the receiver did not start')
    common = ('-D', '/srv/hand', '--manage-cgroups=ignore', '-v1')
    begun = time.monotonic()
    here.run('criu', 'dump', '-t', str(workload.pid), *common)
    here.run(python, '-c', _SEND, there.address)
    receiver.wait()
    there.run('criu', 'restore', '-d', *common)
    return time.monotonic() - begun


class Wire:
    """What a node sends on ``data`` while it is being watched."""

    def __init__(self, node: nodes.Node) -> None:
        self._node = node
        self._ended = threading.Event()
        self._samples: list[tuple[float, int]] = []

    def _sent(self) -> int:
        text = pathlib.Path(f'/proc/{self._node.pid}/net/dev').read_text()
        for line in text.splitlines():
            name, _, numbers = line.partition(':')
            if name.strip() == 'data':
                return int(numbers.split()[8])
        return 0

    def _watch(self) -> None:
        while not self._ended.wait(0.02):
            self._samples.append((time.monotonic(), self._sent()))

    @contextlib.contextmanager
    def watched(self) -> Iterator[None]:
        """Watch while this lasts."""
        thread = threading.Thread(target=self._watch)
        thread.start()
        try:
            yield
        finally:
            self._ended.set()
            thread.join()

    def rate_mib_s(self) -> float:
        """Bytes sent over the time between the first and last 2 % of them."""
        first, last = self._samples[0][1], self._samples[-1][1]
        margin = (last - first) * 0.02
        busy = [
            (moment, sent)
            for moment, sent in self._samples
            if first + margin <= sent <= last - margin
        ]
        if len(busy) < 2:
            return 0.0
        (began, low), (ended, high) = busy[0], busy[-1]
        return (high - low) / (ended - began) / 2**20


#: (total s, downtime s, MiB/s on the wire) of one move.
Result = tuple[float, float, float]


class Processes:
    """One process that goes to and fro."""

    def __init__(self, fleet: fleets.Fleet, mib: int) -> None:
        self.fleet = fleet
        self.here, self.there = fleet.site.nodes.values()
        self.workload = fleet.workload(self.here, 'bench', mib)

    def ways(self) -> list[str]:
        """By hand, and what both nodes support."""
        offers = self.fleet.call('get_offers', 'one', 'criu')['modes']
        for mode, obstacle in offers.items():
            if obstacle:
                print(f'{mode}: not measured: {obstacle}')
        return ['by hand', *(mode for mode in offers if not offers[mode])]

    def once(self, how: str) -> Result:
        """Move it."""
        since = time.time_ns()
        wire = Wire(self.here)
        with wire.watched():
            total_s = self._move(how)
        time.sleep(0.3)
        if not self.workload.is_intact(self.there):
            raise RuntimeError('memory is not intact')
        self.here, self.there = self.there, self.here
        return total_s, self.workload.downtime_s(since), wire.rate_mib_s()

    def _move(self, how: str) -> float:
        if how == 'by hand':
            total_s = by_hand(self.workload, self.here, self.there)
            (self.here.private / 'var/workloads/bench.json').unlink()
            self.workload.register(self.there)
            return total_s
        return _by_agents(self.fleet, 'criu:bench', self.here, self.there, how)

    def stop(self) -> None:
        """Make room."""
        self.workload.stop()


def _by_agents(
    fleet: fleets.Fleet,
    workload: str,
    here: nodes.Node,
    there: nodes.Node,
    mode: str,
) -> float:
    found = fleet.migrate(workload, here.name, there.name, mode)
    if found['phase'] != 'released':
        raise RuntimeError(found)
    return float(found['changed'] - found['began'])


_INIT = b"""#!/bin/busybox sh
exec /usr/bin/python3.13 /workload.py /beats $MIB
"""
_LIBRARIES = ('libc.so.6', 'libm.so.6', 'libz.so.1', 'libexpat.so.1')


def _python(tree: pathlib.Path) -> Iterator[str]:
    """What the workload's interpreter is made of, below the tree."""
    yield from ('lib', 'lib64', 'usr/bin/python3.13', 'usr/lib/python3.13')
    yield 'usr/lib64'
    for library in _LIBRARIES:
        for path in tree.glob(f'usr/lib/*-linux-gnu/{library}'):
            for found in {path, path.resolve()}:
                yield str(found.relative_to(tree))
    for path in tree.glob('usr/lib/*-linux-gnu/ld-linux*'):
        yield str(path.relative_to(tree))


class Containers:
    """The same program as the first process of a container."""

    def __init__(
        self, fleet: fleets.Fleet, daemons: list[containers.Daemon], mib: int
    ) -> None:
        self.fleet = fleet
        self.here, self.there = daemons
        words = ('bench', '-c', f'environment.MIB={mib}')
        self.here.command('launch', containers.IMAGE, *words)
        nodes.wait_for(self._beats(self.here).exists, 'the container', 60.0)

    def _beats(self, daemon: containers.Daemon) -> pathlib.Path:
        return daemon.rootfs('bench') / 'beats'

    def ways(self) -> list[str]:
        """Incus alone, and told by the agents."""
        return ['incus move', 'incus live']

    def once(self, how: str) -> Result:
        """Move it."""
        since = time.time_ns()
        wire = Wire(self.here.node)
        with wire.watched():
            total_s = self._move(how)
        time.sleep(0.3)
        beats = self._beats(self.there)
        summed = beats.with_suffix('.sum')
        summed.unlink(missing_ok=True)
        kill = ('/bin/busybox', 'kill', '-USR1', '1')
        self.there.command('exec', 'bench', '--', *kill)
        nodes.wait_for(summed.exists, 'the container to sum', 60.0)
        if len(set(summed.read_text().split())) != 1:
            raise RuntimeError('memory is not intact')
        self.here, self.there = self.there, self.here
        times = [
            int(line.split()[0])
            for line in beats.read_text().splitlines()
            if len(line.split()) == 2
        ]
        gaps = [
            (b - a) / 1e9 for a, b in itertools.pairwise(times) if a > since
        ]
        return total_s, max(gaps), wire.rate_mib_s()

    def _move(self, how: str) -> float:
        here, there = self.here.node, self.there.node
        if how == 'incus move':
            begun = time.monotonic()
            self.here.command('move', 'bench', f'{there.name}:bench')
            return time.monotonic() - begun
        return _by_agents(self.fleet, 'incus:bench', here, there, 'live')

    def stop(self) -> None:
        """Make room."""
        self.here.command('delete', '--force', 'bench')


def measure(
    mover: Processes | Containers, mib: int, rounds: int
) -> dict[str, float]:
    """Print the rows of one size; way → median downtime."""
    medians = {}
    for how in mover.ways():
        results = [mover.once(how) for _ in range(rounds)]
        total_s, downtime_s, rate = map(
            statistics.median, zip(*results, strict=True)
        )
        medians[how] = downtime_s
        each = ' '.join(f'{value:.2f}' for _, value, _ in results)
        print(
            f'{mib:6} MiB  {how:16} total {total_s:6.2f} s  '
            f'downtime {downtime_s:6.2f} s  wire {rate:6.1f} MiB/s  ({each})',
            flush=True,
        )
    mover.stop()
    return medians


def _compare(mib: int, medians: dict[str, float]) -> None:
    for ours, theirs in (
        ('stop-and-copy', 'by hand'),
        ('post-copy', 'stop-and-copy'),
        ('post-copy', 'incus move'),
    ):
        if ours in medians and theirs in medians:
            ratio = medians[ours] / medians[theirs]
            print(f'{mib:6} MiB  {ours} / {theirs}: {ratio:.3f}', flush=True)


def _daemons(fleet: fleets.Fleet) -> list[containers.Daemon]:
    image = fleet.site.scratch / 'image.tar.xz'
    program = pathlib.Path(containers.__file__).with_name('workload.py')
    containers.make_image(
        image,
        fleet.site.tree,
        init=_INIT,
        with_files=_python(fleet.site.tree),
        extra={'workload.py': program.read_bytes()},
    )
    found = [containers.Daemon(node) for node in fleet.site.nodes.values()]
    for daemon in found:
        daemon.start(image)
    for daemon, other in itertools.permutations(found, 2):
        daemon.trust(other)
    return found


def _movers(
    fleet: fleets.Fleet, with_containers: bool
) -> list[Callable[[int], Processes | Containers]]:
    movers: list[Callable[[int], Processes | Containers]] = [
        lambda mib: Processes(fleet, mib)
    ]
    if with_containers:
        daemons = _daemons(fleet)
        movers.append(lambda mib: Containers(fleet, daemons, mib))
    return movers


def main() -> None:
    """Measure all sizes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--sizes', default='64,256,512,1024,2048')
    parser.add_argument('--rate', default='1gbit')
    parser.add_argument('--rounds', type=int, default=3)
    parser.add_argument('--no-containers', action='store_true')
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    has_containers = not options.no_containers
    with (
        tempfile.TemporaryDirectory(prefix='downtime') as folder,
        fleets.running(
            pathlib.Path(folder),
            'one',
            'two',
            packages=roots.INCUS if has_containers else roots.BASE,
            drivers='criu,incus' if has_containers else 'criu',
            rate=options.rate,
        ) as fleet,
    ):
        movers = _movers(fleet, has_containers)
        for name in fleet.site.nodes:
            fleet.wait_for_agent(name)
        print(f'link {options.rate}, median of {options.rounds} rounds')
        for mib in map(int, options.sizes.split(',')):
            medians: dict[str, float] = {}
            for mover in movers:
                medians |= measure(mover(mib), mib, options.rounds)
            _compare(mib, medians)


if __name__ == '__main__':
    main()
