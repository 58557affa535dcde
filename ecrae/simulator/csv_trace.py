# SPDX-License-Identifier: Apache-2.0

"""Traces as CSV: a row for each machine, a column for each sample.

::

    name,vcpus,memory_mib,t0000min,t0005min,t0010min
    web-1,2,4096,14,21,18
    batch,4,8192,,90,95

A sample is the busy part of the machine's vCPUs in percent; an empty cell
says that the machine does not exist then. ``vm_name`` is read for ``name``,
``vm_index`` is passed over, and ``vcpus`` and ``memory_mib`` may be missing
together, where something else knows the sizes.
"""

import dataclasses
import pathlib

import numpy as np

from ecrae import exception
from ecrae.model.power import FloatArray
from ecrae.simulator import table
from ecrae.simulator.trace import IntArray
from ecrae.simulator.trace import Trace


_NAMES = ('name', 'vm_name')
_IGNORED = ('vm_index',)
_SIZES = ('vcpus', 'memory_mib')


@dataclasses.dataclass(frozen=True, slots=True)
class Samples:
    """The cells of a trace file.

    ``busy`` is a part in [0, 1] of a machine's CPU, nought where it does not
    exist, shape (m, s); sizes have shape (m,), and are ``None`` without
    their columns.
    """

    source: str
    names: tuple[str, ...]
    busy: FloatArray
    arrival: IntArray
    departure: IntArray
    vcpus: FloatArray | None
    memory_mib: FloatArray | None


def read(path: pathlib.Path) -> Samples:
    """The samples of a trace file.

    :raises InputError: naming the file, the lines and the columns at fault.
    """
    cells = table.read(path)
    name_column = next((c for c in _NAMES if c in cells.header), None)
    if name_column is None:
        cells.fault(1, 'there is no column name (or vm_name)')
    has_sizes = [column in cells.header for column in _SIZES]
    if any(has_sizes) and not all(has_sizes):
        cells.fault(1, 'columns vcpus and memory_mib must come together')
    known = {name_column, *_IGNORED, *_SIZES}
    samples = [i for i, c in enumerate(cells.header) if c not in known]
    if len(samples) < 2:
        cells.fault(1, 'there are fewer than two columns of samples')
    cells.check()
    busy = _busy(cells, samples)
    present = ~np.isnan(busy)
    arrival = present.argmax(axis=1)
    departure = present.shape[1] - present[:, ::-1].argmax(axis=1)
    names = [
        row[cells.header.index(str(name_column))] for _, row in cells.rows
    ]
    _check_lives(cells, names, present, arrival, departure)
    cells.check()
    return Samples(
        source=cells.source,
        names=tuple(names),
        busy=np.where(present, busy, 0.0),
        arrival=arrival,
        departure=departure,
        vcpus=_sizes(cells, 'vcpus'),
        memory_mib=_sizes(cells, 'memory_mib'),
    )


def trace(samples: Samples, interval_s: float) -> Trace:
    """A trace in reference cores: a vCPU can use one.

    :raises InputError: the file does not say how large machines are.
    """
    if samples.vcpus is None or samples.memory_mib is None:
        raise exception.InputError(
            f'{samples.source}: has no columns vcpus and memory_mib',
            source=samples.source,
        )
    return Trace(
        names=samples.names,
        vcpus=samples.vcpus,
        request_cpu=samples.vcpus,
        memory_mib=samples.memory_mib,
        arrival=samples.arrival,
        departure=samples.departure,
        demand_cpu=samples.busy * samples.vcpus[:, np.newaxis],
        interval_s=interval_s,
    )


def _busy(cells: table.Table, columns: list[int]) -> FloatArray:
    """Samples as parts, NaN for empty cells, shape (m, s)."""
    busy = np.full((len(cells.rows), len(columns)), np.nan)
    for i, (line, row) in enumerate(cells.rows):
        texts = [row[column].strip() for column in columns]
        try:
            values = np.array([float(text or 'nan') for text in texts])
            fine = bool(((values >= 0) & (values <= 100)).all())
        except ValueError:
            fine = False
        if not fine:
            values = np.array(
                [
                    cells.number(line, cells.header[column], text, 0, 100)
                    if text
                    else np.nan
                    for column, text in zip(columns, texts, strict=True)
                ]
            )
        busy[i] = values / 100.0
    cells.check()
    return busy


def _check_lives(
    cells: table.Table,
    names: list[str],
    present: FloatArray,
    arrival: IntArray,
    departure: IntArray,
) -> None:
    seen: dict[str, int] = {}
    for i, (line, _) in enumerate(cells.rows):
        if names[i] in seen:
            cells.fault(line, f'{names[i]!r} is also in line {seen[names[i]]}')
        seen[names[i]] = line
        if not present[i].any():
            cells.fault(line, 'has no samples')
        elif not present[i, arrival[i] : departure[i]].all():
            cells.fault(line, 'has an empty cell between samples')


def _sizes(cells: table.Table, column: str) -> FloatArray | None:
    if column not in cells.header:
        return None
    position = cells.header.index(column)
    sizes = np.array(
        [
            cells.number(line, column, row[position], 1e-3, float('inf'))
            for line, row in cells.rows
        ]
    )
    cells.check()
    return sizes
