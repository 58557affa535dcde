# SPDX-License-Identifier: Apache-2.0

"""Break a migration at every step, in every way; look where the workload is.

usage: fault_drill.py [--runs N] [--minutes N] [--mib N] [--rate RATE]
                      [--only WORD] [--seed N] [--resume FILE] [--kills N]

Two nodes with agents, RabbitMQ between them, one workload that goes back and
forth. In each run one fault strikes one step of one migration. Afterwards
both ends' journals must be closed, the workload must beat on exactly one
node, have no other copy, and find its memory's digest unchanged. Prints the
table of steps × faults × outcomes; exits with 1 if any run failed.

With ``--resume`` the runs are added to FILE, one line of JSON each, those of
faults that have been drilled least come first, and the table is of all runs
in FILE; ``--runs 0`` only prints it.

With ``--kills N`` criu is also killed N times while it dumps four processes
with five threads each: every second time in its first 30 ms, else at any
moment of the dump. All of them must go on as if nothing had been.
"""

import argparse
import collections
import json
import pathlib
import random
import signal
import sys
import tempfile
import time
from collections.abc import Iterator


sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / 'tools'))

import drill_faults as faults
import drill_strikes as strikes
import drill_world as world
from testnodes import fleet as fleets
from testnodes import workloads


STATE_MIB = 400

Outcomes = dict[faults.Fault, list[tuple[str, str]]]


class Record:
    """What every run came to, also on disk if there is a file for it."""

    def __init__(
        self, path: pathlib.Path | None, chosen: list[faults.Fault]
    ) -> None:
        self._path = path
        self.outcomes: Outcomes = {fault: [] for fault in chosen}
        lines = path.read_text().splitlines() if path and path.exists() else []
        for line in lines:
            run = json.loads(line)
            fault = faults.Fault(**run['fault'])
            self.outcomes.setdefault(fault, [])
            self.outcomes[fault].append((run['place'], run['wrong']))

    def add(self, fault: faults.Fault, place: str, wrong: str) -> None:
        """Remember one run."""
        self.outcomes[fault].append((place, wrong))
        if self._path is not None:
            run = {'fault': vars(fault), 'place': place, 'wrong': wrong}
            with self._path.open('a') as file:
                file.write(json.dumps(run) + '\n')

    @property
    def wrong(self) -> int:
        """How many runs did not end as they must."""
        return sum(
            bool(wrong)
            for outcomes in self.outcomes.values()
            for _, wrong in outcomes
        )

    @property
    def runs(self) -> int:
        """How many there were."""
        return sum(map(len, self.outcomes.values()))

    def print(self) -> None:
        """The table of faults × steps × outcomes."""
        print(f'\n{"fault":32} {"step":24} {"mode":14} outcome')
        for fault, outcomes in self.outcomes.items():
            counted = collections.Counter(
                f'WRONG: {place}: {wrong}' if wrong else place
                for place, wrong in outcomes
            )
            name, step = faults.label(fault)
            told = ', '.join(f'{n} × {what}' for what, n in counted.items())
            print(f'{name:32} {step:24} {fault.mode:14} {told or "not run"}')
        print(f'\n{self.runs} runs, {self.wrong} of them wrong')


def _plan(
    record: Record, chosen: list[faults.Fault], runs: int, rng: random.Random
) -> Iterator[faults.Fault]:
    """The least drilled faults first, in an order of their own each time."""
    for _ in range(runs):
        fewest = min(len(record.outcomes[fault]) for fault in chosen)
        yield rng.choice(
            [f for f in chosen if len(record.outcomes[f]) == fewest]
        )


def _drill(
    drill: world.Drill,
    plan: Iterator[faults.Fault],
    record: Record,
    minutes: float,
) -> None:
    started = time.monotonic()
    for fault in plan:
        begun = time.monotonic()
        if begun - started > minutes * 60:
            return
        place, wrong = drill.run(fault, strikes.STRIKES[fault.name])
        record.add(fault, place, wrong)
        print(
            f'{record.runs:4} {time.monotonic() - begun:5.1f} s '
            f'{" ".join(faults.label(fault)):60} {fault.mode:14} '
            f'{place} {wrong}',
            flush=True,
        )
        if wrong:
            drill.reset()


def _kill_criu(fleet: fleets.Fleet, kills: int, seed: int) -> int:
    """Print and return how many of the kills did harm."""
    (node, *_) = fleet.site.nodes.values()
    found = fleets.kill_criu(node, kills=kills, mib=4, seed=seed)
    wrong = [each for each in found if each['wrong']]
    print(*wrong, sep='\n')
    print(f'{len(found)} kills of criu, {len(wrong)} of them did harm')
    return len(wrong)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--runs', type=int, default=200)
    parser.add_argument('--mib', type=int, default=48)
    parser.add_argument('--rate', default='500mbit')
    parser.add_argument('--only', default='')
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('--minutes', type=float, default=240.0)
    parser.add_argument('--resume', type=pathlib.Path)
    parser.add_argument('--kills', type=int, default=0)
    return parser.parse_args()


def main() -> int:
    """Run the drill; 0 when every run ended as it must."""
    options = _options()
    # Whatever ends it, no node is left over.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    rng = random.Random(options.seed)
    chosen = [
        fault
        for fault in faults.faults()
        if options.only in f'{faults.label(fault)} {fault.mode}'
    ]
    record = Record(options.resume, chosen)
    harm = 0
    if options.runs or options.kills:
        with (
            tempfile.TemporaryDirectory(prefix='drill') as folder,
            fleets.running(
                pathlib.Path(folder),
                'one',
                'two',
                agent=(f'{workloads.TOOLS}/mortal.py',),
                transfer_timeout_s=15,
                complete_timeout_s=20,
                call_timeout_s=6,
                state_mib=STATE_MIB,
                rate=options.rate,
            ) as fleet,
        ):
            if options.kills:
                harm = _kill_criu(fleet, options.kills, options.seed)
            fleet.site.enter()
            drill = world.Drill(fleet, options.mib, rng)
            plan = _plan(record, chosen, options.runs, rng)
            _drill(drill, plan, record, options.minutes)
    record.print()
    return 1 if record.wrong or harm else 0


if __name__ == '__main__':
    sys.exit(main())
