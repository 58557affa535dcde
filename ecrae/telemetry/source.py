# SPDX-License-Identifier: Apache-2.0

"""What every telemetry source can be asked."""

from collections.abc import Iterable
from typing import Protocol

from ecrae.model.reading import Metric
from ecrae.model.reading import Reading
from ecrae.model.reading import Subject


class Source(Protocol):
    """Asks one telemetry service and answers in ECRAE's units.

    A source does not judge what it reads; the snapshot does.
    """

    #: As ``[ecrae_telemetry] sources`` names it.
    name: str

    def latest(self, now: float) -> list[Reading]:
        """The newest reading of everything the source knows.

        :param now: seconds since the epoch.
        :raises CloudError: the service failed or refused.
        """

    def history(
        self, subject: Subject, metric: Metric, start: float, stop: float
    ) -> list[Reading]:
        """All readings of one metric between two moments, oldest first.

        :param start: seconds since the epoch, as ``stop`` is.
        :raises CloudError: the service failed or refused.
        """


def newest(readings: Iterable[Reading]) -> list[Reading]:
    """The last reading of each origin, out of readings oldest first."""
    return list({reading.origin: reading for reading in readings}.values())
