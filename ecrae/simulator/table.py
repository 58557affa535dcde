# SPDX-License-Identifier: Apache-2.0

"""Reads CSV files, plain or gzipped, and names the place of every fault."""

import csv
import dataclasses
import gzip
import pathlib

from ecrae import exception


#: Faults that one error lists before it gives up.
_MOST_FAULTS = 20


@dataclasses.dataclass(slots=True)
class Table:
    """Rows of a CSV file below its header, and the faults found in them."""

    source: str
    header: list[str]
    #: Line in the file, and cells, of each row.
    rows: list[tuple[int, list[str]]]
    faults: list[str] = dataclasses.field(default_factory=list)

    def fault(self, line: int, text: str) -> None:
        """Note a fault in a line; stops at too many of them."""
        self.faults.append(f'line {line}: {text}')
        if len(self.faults) >= _MOST_FAULTS:
            self.check()

    def check(self) -> None:
        """Give up if anything was wrong.

        :raises InputError: with every fault found.
        """
        if self.faults:
            raise exception.InputError(source=self.source, faults=self.faults)

    def number(
        self, line: int, column: str, cell: str, low: float, high: float
    ) -> float:
        """A cell as a number within bounds; a fault is noted otherwise."""
        try:
            value = float(cell)
        except ValueError:
            value = float('nan')
        if not low <= value <= high:
            limits = f'from {low:g} to {high:g}'
            if high == float('inf'):
                limits = f'of {low:g} or more'
            self.fault(
                line,
                f'column {column}: expected a number {limits}, found {cell!r}',
            )
        return value


def read(path: pathlib.Path) -> Table:
    """The cells of a CSV file, ``.gz`` or not.

    :raises InputError: not a readable CSV file with a header and a row.
    """
    opener = gzip.open if path.suffix == '.gz' else open
    try:
        with opener(path, 'rt', encoding='utf-8', newline='') as stream:
            reader = csv.reader(stream)
            lines = [(reader.line_num, row) for row in reader if row]
    except (OSError, EOFError, UnicodeDecodeError, csv.Error) as error:
        raise exception.InputError(
            f'{path}: cannot be read as CSV: {error}', source=str(path)
        ) from error
    if len(lines) < 2:
        raise exception.InputError(
            f'{path}: has no rows below a header', source=str(path)
        )
    header = [name.strip() for name in lines[0][1]]
    table = Table(str(path), header, lines[1:])
    for name in {name for name in header if header.count(name) > 1}:
        table.fault(lines[0][0], f'column {name} is there twice')
    for line, row in table.rows:
        if len(row) != len(header):
            table.fault(
                line, f'has {len(row)} cells, the header has {len(header)}'
            )
    table.check()
    return table
