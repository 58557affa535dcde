# SPDX-License-Identifier: Apache-2.0

"""Total time and downtime of ECRAE's migrations beside criu run by hand.

usage: migration_downtime.py [--sizes MIB,…] [--rate RATE] [--rounds N]

In one run, for each size: ``criu dump``, a copy of the images by ``cat``
over ``nc``-like TCP and ``criu restore`` by hand, unencrypted; then the same
process through two agents over RabbitMQ, encrypted, in every mode that this
kernel supports. Downtime is the longest gap in the workload's own heartbeat;
rate is memory over total time. Every number is printed, the median last.
"""

import argparse
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time


sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / 'tools'))

from testnodes import fleet as fleets
from testnodes import nodes


_RECEIVE = """
import socket, sys, tarfile
with socket.create_server((sys.argv[1], 27500)) as server:
    print('ready', flush=True)
    peer, _ = server.accept()
    with peer, peer.makefile('rb', 1 << 20) as stream:
        tarfile.open(fileobj=stream, mode='r|').extractall('/srv/hand')
"""
_SEND = """
import socket, sys, tarfile
with socket.create_connection((sys.argv[1], 27500)) as peer:
    with peer.makefile('wb', 1 << 20) as stream:
        with tarfile.open(fileobj=stream, mode='w|') as archive:
            archive.add('/srv/hand', '.')
"""


def by_hand(
    workload: fleets.Workload, here: nodes.Node, there: nodes.Node
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


def _median(values: list[float]) -> float:
    return statistics.median(values)


class Bench:
    """One workload that goes to and fro."""

    def __init__(self, fleet: fleets.Fleet, mib: int) -> None:
        self.fleet = fleet
        self.mib = mib
        self.here, self.there = fleet.site.nodes.values()
        self.workload = fleet.workload(self.here, 'bench', mib)

    def modes(self) -> list[str]:
        """What both nodes support."""
        offers = self.fleet.call('get_offers', 'one', 'criu')['modes']
        for mode, obstacle in offers.items():
            if obstacle:
                print(f'{mode}: not measured: {obstacle}')
        return [mode for mode, obstacle in offers.items() if not obstacle]

    def once(self, how: str) -> tuple[float, float]:
        """(total s, downtime s) of one move."""
        since = time.monotonic_ns()
        if how == 'by hand':
            total_s = by_hand(self.workload, self.here, self.there)
            old = self.here.private / 'var/workloads/bench.json'
            old.unlink()
            self.workload.register(self.there)
        else:
            found = self.fleet.migrate(
                'criu:bench', self.here.name, self.there.name, how
            )
            if found['phase'] != 'released':
                raise RuntimeError(found)
            total_s = found['changed'] - found['began']
        time.sleep(0.3)
        if not self.workload.is_intact(self.there):
            raise RuntimeError('memory is not intact')
        self.here, self.there = self.there, self.here
        return total_s, self.workload.downtime_s(since)


def measure(fleet: fleets.Fleet, mib: int, rounds: int) -> None:
    """Print the rows of one size."""
    bench = Bench(fleet, mib)
    medians = {}
    for how in ('by hand', *bench.modes()):
        results = [bench.once(how) for _ in range(rounds)]
        totals, downtimes = zip(*results, strict=True)
        medians[how] = _median(list(downtimes))
        each = ' '.join(f'{value:.2f}' for value in downtimes)
        print(
            f'{mib:6} MiB  {how:20} total {_median(list(totals)):6.2f} s  '
            f'downtime {medians[how]:6.2f} s  '
            f'{mib / _median(list(totals)):6.0f} MiB/s  ({each})',
            flush=True,
        )
    stop = medians.get('stop-and-copy')
    if stop:
        print(
            f'{mib:6} MiB  stop-and-copy / by hand: '
            f'{stop / medians["by hand"]:.2f}'
        )
    if stop and 'post-copy' in medians:
        print(
            f'{mib:6} MiB  post-copy / stop-and-copy: '
            f'{medians["post-copy"] / stop:.3f}'
        )
    bench.workload.stop()


def main() -> None:
    """Measure all sizes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--sizes', default='64,256,512,1024,2048')
    parser.add_argument('--rate', default='1gbit')
    parser.add_argument('--rounds', type=int, default=3)
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix='downtime') as folder,
        fleets.running(
            pathlib.Path(folder), 'one', 'two', rate=options.rate
        ) as fleet,
    ):
        for name in fleet.site.nodes:
            fleet.wait_for_agent(name)
        print(f'link {options.rate}, {options.rounds} rounds each')
        for mib in map(int, options.sizes.split(',')):
            measure(fleet, mib, options.rounds)


if __name__ == '__main__':
    main()
