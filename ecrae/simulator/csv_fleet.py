# SPDX-License-Identifier: Apache-2.0

"""Fleets as CSV: a row for each kind of host.

::

    name,count,cores,core_speed,memory_mib,sleep_w,idle_w,max_w
    old,20,12,0.7,98304,5,110,320
    new,10,64,1.2,524288,8,120,480

``watts_0``, ``watts_10`` … ``watts_100`` give a whole power curve in the
place of ``idle_w`` and ``max_w``. ``count`` is 1, ``core_speed`` is 1 (a
reference core), ``sleep_w`` is 0 and ``migration_mib_s``, what migrations
into the host move in a second, is 600 (half of 10 Gbit/s) unless given.
"""

import pathlib

import numpy as np

from ecrae.model import power
from ecrae.simulator import table
from ecrae.simulator.fleet import Fleet


_CURVE = tuple(f'watts_{load}' for load in range(0, 101, 10))
_LINE = ('idle_w', 'max_w')

#: What migrations into a host move in a second: half of 10 Gbit/s.
MIGRATION_MIB_S = 600.0

_DEFAULTS = {
    'count': 1.0,
    'core_speed': 1.0,
    'sleep_w': 0.0,
    'migration_mib_s': MIGRATION_MIB_S,
}
_NEEDED = ('cores', 'memory_mib')
_MAY_BE_NOUGHT = {'sleep_w', *_CURVE, *_LINE}

Row = dict[str, float]


def read(path: pathlib.Path) -> Fleet:
    """The hosts that a fleet file describes.

    :raises InputError: naming the file, the lines and the columns at fault.
    """
    cells = table.read(path)
    watts = _CURVE if _CURVE[0] in cells.header else _LINE
    for column in ('name', *_NEEDED, *watts):
        if column not in cells.header:
            cells.fault(1, f'there is no column {column}')
    known = {'name', *_NEEDED, *watts, *_DEFAULTS}
    for column in cells.header:
        if column not in known:
            cells.fault(
                1,
                f'unknown column {column!r}; known are '
                + ', '.join(sorted(known)),
            )
    cells.check()
    rows = [(line, *_row(cells, line, row)) for line, row in cells.rows]
    cells.check()
    curves = [_curve(cells, line, values) for line, _, values in rows]
    cells.check()
    return _fleet([(name, values) for _, name, values in rows], curves)


def _row(cells: table.Table, line: int, row: list[str]) -> tuple[str, Row]:
    values = dict(_DEFAULTS)
    name = ''
    for column, cell in zip(cells.header, row, strict=True):
        if column == 'name':
            name = cell.strip()
        elif cell.strip() or column not in _DEFAULTS:
            low = 0.0 if column in _MAY_BE_NOUGHT else 1e-3
            values[column] = cells.number(
                line, column, cell, low, float('inf')
            )
    return name, values


def _curve(
    cells: table.Table, line: int, values: Row
) -> power.PowerCurve | None:
    try:
        if _CURVE[0] in values:
            points = tuple(values[column] for column in _CURVE)
            return power.PowerCurve(points, values['sleep_w'])
        return power.linear(
            values['idle_w'], values['max_w'], values['sleep_w']
        )
    except ValueError as error:
        cells.fault(line, str(error))
        return None


def _fleet(
    rows: list[tuple[str, Row]], curves: list[power.PowerCurve | None]
) -> Fleet:
    counts = [int(values['count']) for _, values in rows]
    kind = np.repeat(np.arange(len(rows)), counts)

    def column(name: str) -> power.FloatArray:
        return np.array([values[name] for _, values in rows])[kind]

    known = [curve for curve in curves if curve is not None]
    return Fleet(
        names=tuple(
            f'{name}-{i + 1}' if count > 1 else name
            for (name, _), count in zip(rows, counts, strict=True)
            for i in range(count)
        ),
        capacity_cpu=column('cores') * column('core_speed'),
        core_cpu=column('core_speed'),
        memory_mib=column('memory_mib'),
        curves_w=np.array([curve.power_w for curve in known])[kind],
        sleep_w=column('sleep_w'),
        bandwidth_mib_s=column('migration_mib_s'),
    )
