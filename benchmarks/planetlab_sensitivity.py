#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0

"""How much ECRAE's result on PlanetLab days hangs on its settings.

Varies one setting at a time, on every day given, CPU only.
"""

import argparse
import dataclasses
import pathlib
import sys


sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from ecrae.simulator import csv_trace
from ecrae.simulator import engine
from ecrae.simulator import planetlab
from ecrae.simulator.policies.ecrae import Ecrae
from ecrae.simulator.policies.ecrae import Settings


VARIED = {
    'safety': (0.84, 1.04, 1.28, 1.64),
    'repack_every_s': (900.0, 1800.0, 3600.0, 7200.0),
    'half_life_s': (1800.0, 3600.0, 7200.0, 14400.0),
    'migration_weight': (5.0, 10.0, 20.0, 40.0),
    'seed': (0, 1, 2),
}


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        'traces', metavar='TRACE', nargs='+', type=pathlib.Path
    )
    days = parser.parse_args().traces
    print(
        f'{"setting":>24} {"day":>16} {"kWh":>8} {"× bound":>8} '
        f'{"migrations":>10} {"SLATAH %":>9} {"SLAV %":>9} {"unserved %":>10}'
    )
    for setting, values in VARIED.items():
        for value in values:
            for day in days:
                _print_row(setting, value, day)


def _print_row(setting: str, value: float, day: pathlib.Path) -> None:
    scenario = planetlab.scenario(csv_trace.read(day))
    settings = dataclasses.replace(Settings(), **{setting: value})
    outcome = engine.run(
        scenario.trace,
        scenario.fleet,
        Ecrae(settings),
        scenario.rules,
        metered_from=scenario.metered_from,
    )
    print(
        f'{setting + " " + format(value, "g"):>24} {day.name:>16} '
        f'{outcome.energy_kwh:8.2f} '
        f'{outcome.energy_kwh / scenario.bound_kwh():8.3f} '
        f'{outcome.migrations:10d} {100 * outcome.slatah:9.3f} '
        f'{100 * outcome.slav:9.6f} {100 * outcome.unserved:10.3f}',
        flush=True,
    )


if __name__ == '__main__':
    main()
