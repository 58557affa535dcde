#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0

"""Energy of initial placement alone: nothing migrates, empty hosts sleep.

Machines come and go as the pods of a public trace did, with their sizes;
what they do with their CPU is drawn from PlanetLab machines. The fleet is
old and new x86 and ARM, by published SPECpower curves, in shuffled order.
Prints First Fit, Best Fit, Nova's default weighers and ECRAE's ranking
beside a lower bound, and what ECRAE saves. The bound is
clairvoyant and migrates for nothing, which no initial placement can.
"""

import argparse
import csv
import dataclasses
import gzip
import pathlib
import sys


HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import numpy as np  # noqa: E402

from ecrae.simulator import comparison  # noqa: E402
from ecrae.simulator import csv_fleet  # noqa: E402
from ecrae.simulator import csv_trace  # noqa: E402
from ecrae.simulator.comparison import Scenario  # noqa: E402
from ecrae.simulator.fleet import Fleet  # noqa: E402
from ecrae.simulator.policy import Rules  # noqa: E402
from ecrae.simulator.trace import Trace  # noqa: E402


INTERVAL_S = 300.0
DAY_S = 86400.0
POLICIES = ('first-fit', 'best-fit', 'nova-default', 'ecrae-placement')


def main() -> None:
    """Print a table for each seed."""
    arguments = _parser().parse_args()
    busy = csv_trace.read(arguments.usage).busy
    fleet = csv_fleet.read(arguments.fleet)
    savings = []
    for seed in range(arguments.seed, arguments.seed + arguments.seeds):
        rng = np.random.default_rng(seed)
        scenario = Scenario(
            trace=_trace(arguments, busy, rng),
            fleet=_shuffled(fleet, rng),
            rules=Rules(cpu_allocation_ratio=arguments.cpu_allocation_ratio),
        )
        savings.append(_print_seed(seed, scenario))
    print(f'\nECRAE saves, over {len(savings)} seeds (least, median, most):')
    parts = np.quantile(np.array(savings), [0.0, 0.5, 1.0], axis=0)
    for policy, found in zip(POLICIES[:-1], parts.T, strict=True):
        least, median, most = found
        print(f'  against {policy:13} {least:6.1%} {median:6.1%} {most:6.1%}')


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    data = HERE / 'data'
    parser.add_argument(
        '--pods',
        type=pathlib.Path,
        default=data / 'alibaba_pods.csv.gz',
        help='arrivals, departures and sizes',
    )
    parser.add_argument(
        '--usage',
        type=pathlib.Path,
        default=data / 'planetlab' / '20110303.csv.gz',
        help='CPU percentages, a row for each machine',
    )
    parser.add_argument(
        '--fleet',
        type=pathlib.Path,
        default=data / 'specpower_fleet.csv',
        help='hosts, as for ecrae simulate',
    )
    parser.add_argument('--days', type=float, default=3.0)
    parser.add_argument(
        '--copies',
        type=int,
        default=6,
        help='machines for each pod, at times up to a day apart',
    )
    parser.add_argument('--cpu-allocation-ratio', type=float, default=4.0)
    parser.add_argument('--seed', type=int, default=0, help='the first one')
    parser.add_argument('--seeds', type=int, default=3, help='how many')
    return parser


def _shuffled(fleet: Fleet, rng: np.random.Generator) -> Fleet:
    """The same hosts in another order, which First Fit depends on."""
    order = rng.permutation(len(fleet))
    columns = {
        field.name: getattr(fleet, field.name)[order]
        for field in dataclasses.fields(fleet)
        if field.name != 'names'
    }
    return Fleet(names=tuple(fleet.names[i] for i in order), **columns)


def _trace(
    arguments: argparse.Namespace,
    busy: np.ndarray,
    rng: np.random.Generator,
) -> Trace:
    """Machines of the last days of the pods, in reference cores."""
    with gzip.open(arguments.pods, 'rt', newline='') as stream:
        pods = list(csv.DictReader(stream))
    end_s = max(float(pod['creation_time']) for pod in pods)
    born_s = np.array([float(pod['creation_time']) for pod in pods])
    gone_s = np.array([float(pod['deletion_time'] or np.inf) for pod in pods])
    vcpus = np.array([float(pod['cpu_milli']) for pod in pods]) / 1000.0
    memory = np.array([float(pod['memory_mib']) for pod in pods])
    pick = np.repeat(np.arange(len(pods)), arguments.copies)
    late_s = rng.uniform(0.0, DAY_S, len(pick))
    samples = int(arguments.days * DAY_S / INTERVAL_S) + 1
    begin_s = end_s - (samples - 1) * INTERVAL_S
    arrival = np.ceil((born_s[pick] + late_s - begin_s) / INTERVAL_S)
    departure = np.ceil((gone_s[pick] + late_s - begin_s) / INTERVAL_S)
    arrival = np.clip(arrival, 0, samples).astype(int)
    departure = np.clip(departure, 0, samples).astype(int)
    lives = np.flatnonzero(departure > arrival)
    lives = lives[np.argsort(arrival[lives], kind='stable')]
    pick, arrival, departure = pick[lives], arrival[lives], departure[lives]
    return Trace(
        names=tuple(f'm{i}' for i in range(len(pick))),
        vcpus=vcpus[pick],
        request_cpu=vcpus[pick],
        memory_mib=memory[pick],
        arrival=arrival,
        departure=departure,
        demand_cpu=_usage(busy, len(pick), samples, rng)
        * vcpus[pick, np.newaxis],
        interval_s=INTERVAL_S,
    )


def _usage(
    busy: np.ndarray, m: int, samples: int, rng: np.random.Generator
) -> np.ndarray:
    """Rows of the usage trace from a random sample on, over and over."""
    rows = rng.integers(len(busy), size=m)
    start = rng.integers(busy.shape[1], size=(m, 1))
    columns = (start + np.arange(samples)) % busy.shape[1]
    return busy[rows[:, np.newaxis], columns]


def _print_seed(seed: int, scenario: Scenario) -> list[float]:
    """Print the policies of one seed; ECRAE's saving against each."""
    trace, bound_kwh = scenario.trace, scenario.bound_kwh()
    print(
        f'\nseed {seed}: {len(trace)} machines on {len(scenario.fleet)} '
        f'hosts, {trace.intervals * INTERVAL_S / 3600:g} h; '
        f'lower bound {bound_kwh:.1f} kWh\n'
        f'{"policy":16} {"kWh":>8} {"× bound":>8} {"hosts on":>9} '
        f'{"unserved":>9} {"refused":>8} {"seconds":>8}'
    )
    results = comparison.run(scenario, POLICIES)
    for result in results:
        outcome = result.outcome
        print(
            f'{result.policy:16} {outcome.energy_kwh:8.1f} '
            f'{outcome.energy_kwh / bound_kwh:8.3f} '
            f'{outcome.hosts_on.mean():9.1f} {outcome.unserved:9.3%} '
            f'{outcome.refused:8d} {result.seconds:8.1f}',
            flush=True,
        )
    ours = results[-1].outcome.energy_kwh
    return [1.0 - ours / r.outcome.energy_kwh for r in results[:-1]]


if __name__ == '__main__':
    main()
