# SPDX-License-Identifier: Apache-2.0

"""``ecrae simulate``: what policies would have cost over a trace."""

import argparse
import pathlib
from typing import Any
from typing import TextIO

from ecrae import command
from ecrae import exception
from ecrae.simulator import comparison
from ecrae.simulator import csv_fleet
from ecrae.simulator import csv_trace
from ecrae.simulator import planetlab
from ecrae.simulator import plot
from ecrae.simulator.comparison import Result
from ecrae.simulator.comparison import Scenario
from ecrae.simulator.policies import catalogue
from ecrae.simulator.policy import Rules


COLUMNS = (
    'policy',
    'kwh',
    'times_bound',
    'saved_percent',
    'migrations',
    'slatah_percent',
    'pdm_percent',
    'slav_percent',
    'unserved_percent',
    'mean_hosts_on',
    'refused',
    'seconds',
)

#: What Nova promises for each core unless told otherwise.
_CPU_ALLOCATION_RATIO = 4.0


class Simulate(command.Lister):
    """Replay a trace under several policies and compare what they cost.

    Energy is compared with a bound that no policy can undercut, and with
    the first policy of the list.
    """

    examples = """
    ecrae simulate cloud.csv --fleet fleet.csv
    ecrae simulate cloud.csv --fleet fleet.csv --policy none --policy ecrae \\
        --plot saving.svg
    ecrae simulate 20110303.csv.gz --cpu-only -f json
    ecrae simulate --history 168 --policy none --policy ecrae
    """

    def get_parser(self, prog_name: str) -> Any:
        """Arguments of the command."""
        parser = super().get_parser(prog_name)
        parser.add_argument(
            'trace',
            nargs='?',
            metavar='TRACE.csv[.gz]',
            type=pathlib.Path,
            help='A row for each machine: name, vcpus, memory_mib, then its '
            'busy percentage at each sample; empty where it did not exist.',
        )
        parser.add_argument(
            '--history',
            metavar='HOURS',
            type=_positive,
            help="In place of a trace: this cloud's own last hours, as "
            '[ecrae_telemetry] sources remember them, on its own hosts.',
        )
        parser.add_argument(
            '--fleet',
            metavar='FLEET.csv',
            type=pathlib.Path,
            help='A row for each kind of host: name, count, cores, '
            'core_speed, memory_mib, sleep_w, and idle_w and max_w or '
            'watts_0 … watts_100. Without it the hosts and the sizes of '
            "machines are those of CloudSim's PlanetLab examples.",
        )
        parser.add_argument(
            '--policy',
            metavar='NAME',
            dest='policies',
            action='append',
            choices=tuple(catalogue.POLICIES),
            help='Policy to replay; repeat it for several. Known are '
            f'{", ".join(catalogue.POLICIES)}. Default: '
            f'{", ".join(catalogue.COMPARED)}.',
        )
        parser.add_argument(
            '--interval',
            metavar='SECONDS',
            type=_positive,
            default=300.0,
            help='Time between two samples (default: 300).',
        )
        parser.add_argument(
            '--cpu-only',
            action='store_true',
            help='Let running machines take no memory, as CloudSim does.',
        )
        parser.add_argument(
            '--cpu-allocation-ratio',
            metavar='RATIO',
            type=_positive,
            default=_CPU_ALLOCATION_RATIO,
            help='vCPUs promised for each core of the fleet (default: '
            f'{_CPU_ALLOCATION_RATIO:g}, as Nova). No effect without '
            '--fleet, where machines are created one to one.',
        )
        parser.add_argument(
            '--seed',
            type=int,
            default=0,
            help="Seed of the optimizer's random choices (default: 0).",
        )
        parser.add_argument(
            '--plot',
            metavar='FILE',
            type=pathlib.Path,
            help='Draw watts, hosts on and migrations over time into a PNG '
            'or SVG file. Needs the extra ecrae[simulator].',
        )
        return parser

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
        """Replay; one row for each policy, the bound first."""
        if parsed_args.plot:
            plot.check(parsed_args.plot)
        scenario = self._scenario(parsed_args)
        policies = list(
            dict.fromkeys(parsed_args.policies or catalogue.COMPARED)
        )
        bar = _Bar(self.app.stderr, len(policies))
        results = comparison.run(
            scenario,
            policies,
            seed=parsed_args.seed,
            on_progress=bar.show,
        )
        bar.clear()
        if parsed_args.plot:
            plot.write(
                parsed_args.plot,
                {result.policy: result.outcome for result in results},
                scenario.trace.interval_s,
            )
        bound_kwh = scenario.bound_kwh()
        rows = [_bound_row(bound_kwh)]
        rows += [_row(result, results[0], bound_kwh) for result in results]
        return COLUMNS, rows

    def _scenario(self, arguments: argparse.Namespace) -> Scenario:
        if (arguments.trace is None) == (arguments.history is None):
            raise exception.UsageError(
                'Say what to replay: a trace, or --history and for how many '
                'hours.'
            )
        if arguments.history is None:
            return _of_files(arguments)
        if arguments.fleet is not None:
            raise exception.UsageError(
                "--history replays on this cloud's own hosts: it takes no "
                '--fleet.'
            )
        from ecrae.simulator.cli import cloud

        return cloud.scenario(
            self.conf,
            arguments.history,
            arguments.interval,
            _rules(arguments),
        )


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value < float('inf'):
        raise argparse.ArgumentTypeError(f'{text} is not a positive number')
    return value


def _rules(arguments: argparse.Namespace) -> Rules:
    return Rules(
        is_memory_enforced=not arguments.cpu_only,
        cpu_allocation_ratio=arguments.cpu_allocation_ratio,
    )


def _of_files(arguments: argparse.Namespace) -> Scenario:
    samples = csv_trace.read(arguments.trace)
    if arguments.fleet is not None:
        return Scenario(
            trace=csv_trace.trace(samples, arguments.interval),
            fleet=csv_fleet.read(arguments.fleet),
            rules=_rules(arguments),
        )
    if samples.vcpus is not None:
        raise exception.UsageError(
            f'{samples.source} says how large its machines are: say with '
            '--fleet what hosts they run on.'
        )
    return planetlab.scenario(
        samples, arguments.interval, is_memory_enforced=not arguments.cpu_only
    )


def _bound_row(bound_kwh: float) -> tuple[Any, ...]:
    known = {'policy': 'lower bound', 'kwh': bound_kwh, 'times_bound': 1.0}
    return tuple(_rounded(known.get(column)) for column in COLUMNS)


def _row(result: Result, first: Result, bound_kwh: float) -> tuple[Any, ...]:
    outcome = result.outcome
    base_kwh = first.outcome.energy_kwh
    values = {
        'policy': result.policy,
        'kwh': outcome.energy_kwh,
        'times_bound': outcome.energy_kwh / bound_kwh if bound_kwh else None,
        'saved_percent': 100 * (1 - outcome.energy_kwh / base_kwh)
        if base_kwh
        else None,
        'migrations': outcome.migrations,
        'slatah_percent': 100 * outcome.slatah,
        'pdm_percent': 100 * outcome.pdm,
        'slav_percent': 100 * outcome.slav,
        'unserved_percent': 100 * outcome.unserved,
        'mean_hosts_on': float(outcome.hosts_on.mean()),
        'refused': outcome.refused,
        'seconds': result.seconds,
    }
    return tuple(_rounded(values[column]) for column in COLUMNS)


def _rounded(value: Any) -> Any:
    """Floats to four significant digits, or two decimals if those are more."""
    if not isinstance(value, float):
        return value
    return float(f'{value:.4g}') if abs(value) < 10 else round(value, 2)


class _Bar:
    """A progress bar, drawn where a person watches."""

    _WIDTH = 30

    def __init__(self, stream: TextIO, policies: int) -> None:
        self._stream = stream if stream.isatty() else None
        self._policies = policies
        self._seen: list[str] = []

    def show(self, policy: str, done: int, total: int) -> None:
        """Draw how far the replay of a policy is."""
        if self._stream is None:
            return
        if policy not in self._seen:
            self._seen.append(policy)
        full = self._WIDTH * done // total
        self._stream.write(
            f'\r[{"#" * full}{"." * (self._WIDTH - full)}] '
            f'{len(self._seen)}/{self._policies} {policy}\x1b[K'
        )
        self._stream.flush()

    def clear(self) -> None:
        """Remove the bar."""
        if self._stream is not None:
            self._stream.write('\r\x1b[K')
            self._stream.flush()
