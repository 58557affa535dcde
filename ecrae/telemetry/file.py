# SPDX-License-Identifier: Apache-2.0

"""Readings from a document that another program writes.

The document is JSON: ``{"readings": [{"subject": "host", "name": …,
"metric": "utilization", "value": …, "measured_at": …}, …]}``, in ECRAE's
units, moments in seconds since the epoch. It is read anew each time.
"""

import dataclasses
import json
import pathlib
from typing import Any

from ecrae import exception
from ecrae.model.reading import METRICS
from ecrae.model.reading import Metric
from ecrae.model.reading import Reading
from ecrae.model.reading import Subject


def to_document(readings: tuple[Reading, ...]) -> dict[str, Any]:
    """The document that holds these readings."""
    return {'readings': [dataclasses.asdict(r) for r in readings]}


class FileSource:
    """Reads measurements from a file.

    :param path: the document; it need not exist yet.
    """

    name = 'file'

    def __init__(self, path: str) -> None:
        self._path = pathlib.Path(path)

    def latest(self, now: float) -> list[Reading]:
        """The document's newest reading of each metric of each name."""
        del now
        newest = {
            (reading.subject, reading.name, reading.metric): reading
            for reading in sorted(
                self._load(), key=lambda reading: reading.measured_at
            )
        }
        return list(newest.values())

    def history(
        self, subject: Subject, metric: Metric, start: float, stop: float
    ) -> list[Reading]:
        """Readings of a metric between two moments."""
        chosen = [
            reading
            for reading in self._load()
            if (reading.subject, reading.metric) == (subject, metric)
            and start <= reading.measured_at <= stop
        ]
        return sorted(chosen, key=lambda reading: reading.measured_at)

    def _load(self) -> list[Reading]:
        try:
            document = json.loads(self._path.read_text())
        except OSError as error:
            raise exception.CloudError(
                f'{self._path}: cannot be read: {error.strerror}'
            ) from error
        except ValueError as error:
            raise exception.InputError(
                source=str(self._path), faults=[f'not JSON: {error}']
            ) from error
        rows = document.get('readings') if isinstance(document, dict) else None
        if not isinstance(rows, list):
            raise exception.InputError(
                source=str(self._path), faults=['has no list "readings"']
            )
        return [self._reading(i, row) for i, row in enumerate(rows)]

    def _reading(self, index: int, row: Any) -> Reading:
        try:
            subject = Subject(row['subject'])
            metric = Metric(row['metric'])
            if metric not in METRICS[subject]:
                raise ValueError(f'a {subject} has no {metric}')
            return Reading(
                subject=subject,
                name=str(row['name']),
                metric=metric,
                value=float(row['value']),
                measured_at=float(row['measured_at']),
                source=self.name,
            )
        except (KeyError, TypeError, ValueError) as error:
            raise exception.InputError(
                source=str(self._path),
                faults=[f'readings[{index}]: {error}'],
            ) from error
