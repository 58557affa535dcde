# SPDX-License-Identifier: Apache-2.0

"""Sources that know each of our metrics as a meter of their own."""

import abc
from collections.abc import Iterator
from collections.abc import Sequence
from typing import Generic
from typing import Protocol
from typing import TypeVar

from ecrae.model.reading import Metric
from ecrae.model.reading import Reading
from ecrae.model.reading import Subject
from ecrae.telemetry import source


class Meter(Protocol):
    """How a source names one of our metrics."""

    @property
    def subject(self) -> Subject:
        """What is measured."""

    @property
    def metric(self) -> Metric:
        """What of it."""


AnyMeter = TypeVar('AnyMeter', bound=Meter)


class MeteredSource(abc.ABC, Generic[AnyMeter]):
    """Asks a service meter by meter.

    :param window_s: how far back the newest reading may lie.
    """

    meters: Sequence[AnyMeter]

    def __init__(self, window_s: int) -> None:
        self._window_s = window_s

    def latest(self, now: float) -> list[Reading]:
        """Newest reading of each resource within the window."""
        start = now - self._window_s
        return [
            reading
            for meter in self.meters
            for reading in source.newest(self._read(meter, start, now))
        ]

    def history(
        self, subject: Subject, metric: Metric, start: float, stop: float
    ) -> list[Reading]:
        """All readings of a metric, oldest first within each resource."""
        return [
            reading
            for meter in self.meters
            if (meter.subject, meter.metric) == (subject, metric)
            for reading in self._read(meter, start, stop)
        ]

    @abc.abstractmethod
    def _read(
        self, meter: AnyMeter, start: float, stop: float
    ) -> Iterator[Reading]:
        """What one meter says between two moments, oldest first."""
