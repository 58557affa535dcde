# SPDX-License-Identifier: Apache-2.0

"""ECRAE's optimizer beside Watcher's vm_workload_consolidation.

Both plan for the same clouds in the same run: Watcher's strategy unmodified,
on its own in-memory cluster model, in the Python of an environment with
python-watcher; ours with moves unlimited, with no more moves than Watcher
made, with 48 % of the workloads (what it makes at
most on such clouds) and with 30 %. Watts are those of the same power
curves; the bound is the linear relaxation's. CPU seconds are of planning
alone on both sides, without building the models.

prepare: uv venv /tmp/watcher
         uv pip install -p /tmp/watcher/bin/python python-watcher==17.0.0
usage:   watcher_comparison.py --watcher-python /tmp/watcher/bin/python
         [--sizes 50x500,200x2000,1000x10000] [--seeds 1,2] [--strict]
         [--plot FILE]
"""

import argparse
import dataclasses
import json
import pathlib
import subprocess
import tempfile
import time
from collections.abc import Mapping

import move_bound
import numpy as np
import scenarios

from ecrae.migration.optimizer import bound
from ecrae.migration.optimizer import engine
from ecrae.migration.optimizer.objective import STRATEGIES
from ecrae.migration.optimizer.objective import excess
from ecrae.migration.optimizer.objective import host_watts
from ecrae.migration.optimizer.objective import loads
from ecrae.migration.optimizer.problem import Problem
from ecrae.migration.optimizer.snapshot import Snapshot


RUNNER = pathlib.Path(__file__).with_name('watcher_runner.py')

HOST_FIELDS = (
    'name',
    'vcpus',
    'memory_mib',
    'disk_gib',
    'cpu_allocation_ratio',
    'ram_allocation_ratio',
    'disk_allocation_ratio',
)
WORKLOAD_FIELDS = (
    'id',
    'host',
    'vcpus',
    'memory_mib',
    'disk_gib',
    'cpu_cores_used',
    'memory_used_mib',
)


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What one planner reached."""

    name: str
    watts: float
    moves: int
    hosts_on: int
    cpu_s: float
    #: Hosts that it left with more than their capacity.
    overloaded: int


def outcome(
    name: str, problem: Problem, place: Mapping[str, str], cpu_s: float
) -> Outcome:
    """What a final placement, by names, amounts to."""
    snapshot = problem.snapshot
    position = {
        snapshot.hosts[index].name: host
        for host, index in enumerate(problem.host_index)
    }
    final = np.array(
        [position[place[snapshot.workloads[b[0]].id]] for b in problem.bundles]
    )
    over = excess(problem.capacity, loads(problem, final)) > 0
    return Outcome(
        name=name,
        watts=float(host_watts(problem, final).sum()),
        moves=int((final != problem.start).sum()),
        hosts_on=len(set(final.tolist())),
        cpu_s=cpu_s,
        overloaded=int(over.any(axis=0).sum()),
    )


def start(snapshot: Snapshot) -> dict[str, str]:
    """Host of each workload by id."""
    return {workload.id: workload.host for workload in snapshot.workloads}


def watcher(problem: Problem, python: str) -> Outcome:
    """Run Watcher's strategy in its own Python."""
    snapshot = problem.snapshot
    document = {
        'hosts': [
            {field: getattr(host, field) for field in HOST_FIELDS}
            for host in snapshot.hosts
        ],
        'workloads': [
            {field: getattr(workload, field) for field in WORKLOAD_FIELDS}
            for workload in snapshot.workloads
        ],
    }
    with tempfile.NamedTemporaryFile('w', suffix='.json') as stream:
        json.dump(document, stream)
        stream.flush()
        done = subprocess.run(
            [python, str(RUNNER), stream.name],
            capture_output=True,
            check=False,
            text=True,
        )
    if done.returncode:
        raise SystemExit(f'Watcher failed: {done.stderr}')
    answer = json.loads(done.stdout)
    place = start(snapshot)
    for move in answer['moves']:
        place[move['workload']] = move['destination']
    return outcome('watcher', problem, place, answer['cpu_seconds'])


def ours(problem: Problem, name: str, moves: int | None) -> Outcome:
    """Plan with the optimizer."""
    began = time.process_time()
    plan = engine.optimize(problem, STRATEGIES['energy'], max_migrations=moves)
    cpu_s = time.process_time() - began
    place = start(problem.snapshot)
    for move in plan.moves:
        place[move.workload] = move.destination
    return outcome(name, problem, place, cpu_s)


def compare(
    problem: Problem, python: str, label: str, *, is_strict: bool
) -> list[Outcome]:
    """Print a line for each planner and return what they reached.

    :param is_strict: compare with what so many moves could reach, too.
    """
    n = problem.n_units
    floor = bound.watts_bound(problem)
    outcomes = [
        outcome('stay', problem, start(problem.snapshot), 0.0),
        watcher(problem, python),
    ]
    outcomes += [
        ours(problem, 'ecrae', None),
        ours(problem, "ecrae, Watcher's moves", outcomes[1].moves),
        ours(problem, 'ecrae, 48 % moves', int(0.48 * n)),
        ours(problem, 'ecrae, 30 % moves', int(0.3 * n)),
    ]
    for result in outcomes:
        least = (
            result.watts / move_bound.watts_bound(problem, result.moves)
            if is_strict
            else np.nan
        )
        print(
            f'{label:28} {result.name:24} {result.watts:9.0f} '
            f'{result.watts / floor:7.3f} {least:7.3f} {result.hosts_on:6} '
            f'{result.moves:6} {100 * result.moves / n:5.1f} '
            f'{result.cpu_s:7.2f} {result.overloaded:6}',
            flush=True,
        )
    return outcomes


def curve(problem: Problem, steps: int) -> list[tuple[float, float]]:
    """Part of the workloads moved and watts over the bound, step by step."""
    floor = bound.watts_bound(problem)
    points = []
    for step in range(steps + 1):
        result = ours(problem, '', round(problem.n_units * step / steps))
        points.append((result.moves / problem.n_units, result.watts / floor))
    return points


def plot(
    path: str,
    curves: Mapping[str, list[tuple[float, float]]],
    peers: Mapping[str, tuple[float, float]],
) -> None:
    """Draw watts against migrations allowed."""
    import matplotlib

    matplotlib.use('Agg')
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7, 4.5))
    for label, points in curves.items():
        line = axes.plot(*np.array(points).T, marker='.', label=label)
        if label in peers:
            axes.plot(
                *peers[label],
                marker='x',
                markersize=9,
                color=line[0].get_color(),
                linestyle='none',
                label=f'Watcher, {label}',
            )
    axes.axhline(1.0, color='grey', linewidth=0.8)
    axes.set_xlabel('workloads moved, part of all')
    axes.set_ylabel('watts ÷ lower bound')
    axes.legend()
    figure.tight_layout()
    figure.savefig(path)
    print(f'plot: {path}')


def main() -> None:
    """Compare on every scenario, size and seed."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('--watcher-python', required=True)
    parser.add_argument('--sizes', default='50x500,200x2000,1000x10000')
    parser.add_argument('--seeds', default='1')
    parser.add_argument(
        '--strict',
        action='store_true',
        help='divide also by the least that so many moves could reach '
        '(minutes at 1000x10000)',
    )
    parser.add_argument('--plot', metavar='FILE', help='PNG or SVG')
    parser.add_argument('--steps', type=int, default=20)
    arguments = parser.parse_args()
    print(
        f'{"scenario":28} {"planner":24} {"watts":>9} {"÷bound":>7} '
        f'{"÷least":>7} {"hosts":>6} {"moves":>6} {"%":>5} {"CPU s":>7} '
        f'{"overl.":>6}'
    )
    curves, peers = {}, {}
    for size in arguments.sizes.split(','):
        n_hosts, n_workloads = map(int, size.split('x'))
        for name, kinds in scenarios.SCENARIOS.items():
            for seed in map(int, arguments.seeds.split(',')):
                label = f'{name} {n_hosts}/{n_workloads} seed {seed}'
                problem = Problem.of(
                    scenarios.cloud(n_hosts, n_workloads, kinds, seed)
                )
                results = compare(
                    problem,
                    arguments.watcher_python,
                    label,
                    is_strict=arguments.strict,
                )
                if arguments.plot:
                    floor = bound.watts_bound(problem)
                    curves[label] = curve(problem, arguments.steps)
                    peers[label] = (
                        results[1].moves / n_workloads,
                        results[1].watts / floor,
                    )
    if arguments.plot:
        plot(arguments.plot, curves, peers)


if __name__ == '__main__':
    main()
