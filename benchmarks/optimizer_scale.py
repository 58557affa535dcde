# SPDX-License-Identifier: Apache-2.0

"""Time and memory of the optimizer as clouds grow, with constraints.

Each cloud has four host types, three zones, two groups of aggregates, CPU
features that differ, anti-affinity groups of three for a fifth of the
workloads, affinity groups of two for a tenth and 2 % pinned. Each size runs
in a process of its own, so that the memory stated is its own.

usage: optimizer_scale.py [--sizes 1250x7500,2500x15000,…] [--seed N]
       [--max-migrations-part 0.3]
"""

import argparse
import dataclasses
import json
import resource
import subprocess
import sys
import time

import numpy as np
import scenarios

from ecrae.migration.optimizer import engine
from ecrae.migration.optimizer.objective import STRATEGIES
from ecrae.migration.optimizer.problem import Problem
from ecrae.migration.optimizer.snapshot import Snapshot


SIZES = '1250x7500,2500x15000,5000x30000,10000x100000'


def constrained(snapshot: Snapshot, seed: int) -> Snapshot:
    """The cloud with zones, aggregates, traits, groups and pins."""
    rng = np.random.default_rng(seed)
    hosts = tuple(
        dataclasses.replace(
            host,
            zone=f'zone-{index // 4 % 3}',
            aggregates=frozenset({f'rows-{index // 12 % 2}'}),
            traits=frozenset(
                {'HW_CPU_X86_AVX2', 'HW_CPU_X86_AVX512F'}
                if index % 4 >= 2
                else {'HW_CPU_X86_AVX2'}
            ),
        )
        for index, host in enumerate(snapshot.hosts)
    )
    workloads = list(snapshot.workloads)
    order = rng.permutation(len(workloads))
    tenth = len(workloads) // 10
    for number, index in enumerate(order[: 2 * tenth]):
        workloads[index] = dataclasses.replace(
            workloads[index], anti_affinity_group=f'apart-{number // 3}'
        )
    for number, index in enumerate(order[2 * tenth : 3 * tenth]):
        workloads[index] = dataclasses.replace(
            workloads[index], affinity_group=f'together-{number // 2}'
        )
    for index in order[3 * tenth : 3 * tenth + len(workloads) // 50]:
        workloads[index] = dataclasses.replace(workloads[index], pinned=True)
    return Snapshot(hosts=hosts, workloads=tuple(workloads))


def measure(n_hosts: int, n_workloads: int, seed: int, part: float) -> None:
    """Plan for one cloud and print what that took as JSON."""
    snapshot = constrained(
        scenarios.cloud(
            n_hosts, n_workloads, scenarios.SCENARIOS['four-types'], seed
        ),
        seed,
    )
    before_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began, cpu = time.perf_counter(), time.process_time()
    problem = Problem.of(snapshot)
    built = time.perf_counter()
    plan = engine.optimize(
        problem,
        STRATEGIES['energy'],
        max_migrations=int(part * n_workloads) if part < 1 else None,
        time_limit_s=600.0,
        clock=time.monotonic,
    )
    print(
        json.dumps(
            {
                'build_s': built - began,
                'total_s': time.perf_counter() - began,
                'cpu_s': time.process_time() - cpu,
                'snapshot_mib': before_kib / 1024,
                'peak_mib': resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
                / 1024,
                'moves': len(plan.moves),
                'before': plan.watts_before / plan.watts_bound,
                'after': plan.watts_after / plan.watts_bound,
            }
        )
    )


def main() -> None:
    """Measure every size and how the cost grows."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('--sizes', default=SIZES)
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('--max-migrations-part', type=float, default=1.0)
    parser.add_argument('--one', help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    part = arguments.max_migrations_part
    if arguments.one:
        n_hosts, n_workloads = map(int, arguments.one.split('x'))
        measure(n_hosts, n_workloads, arguments.seed, part)
        return
    print(
        f'{"hosts/workloads":>16} {"wall s":>7} {"CPU s":>7} {"build s":>7} '
        f'{"peak MiB":>9} {"moves":>7} {"before":>7} {"after":>7} '
        '(÷ bound)  exponent'
    )
    last: tuple[int, float] | None = None
    for size in arguments.sizes.split(','):
        done = subprocess.run(
            [
                sys.executable,
                __file__,
                '--one',
                size,
                '--seed',
                str(arguments.seed),
                '--max-migrations-part',
                str(part),
            ],
            stdout=subprocess.PIPE,
            check=True,
            text=True,
        )
        row = json.loads(done.stdout)
        n_workloads = int(size.split('x')[1])
        growth = ''
        if last:
            ratio = np.log(row['cpu_s'] / last[1])
            growth = f'{ratio / np.log(n_workloads / last[0]):8.2f}'
        last = (n_workloads, row['cpu_s'])
        print(
            f'{size:>16} {row["total_s"]:7.1f} {row["cpu_s"]:7.1f} '
            f'{row["build_s"]:7.1f} {row["peak_mib"]:9.0f} '
            f'{row["moves"]:7} {row["before"]:7.3f} {row["after"]:7.3f} '
            f'          {growth}',
            flush=True,
        )


if __name__ == '__main__':
    main()
