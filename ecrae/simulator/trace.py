# SPDX-License-Identifier: Apache-2.0

"""What virtual machines ask for over time."""

import dataclasses

import numpy as np
import numpy.typing as npt

from ecrae.model.power import FloatArray


IntArray = npt.NDArray[np.intp]
BoolArray = npt.NDArray[np.bool_]


@dataclasses.dataclass(frozen=True, slots=True)
class Trace:
    """CPU demand of m virtual machines at s instants, ``interval_s`` apart.

    Columns have shape (m,); ``demand_cpu`` has shape (m, s). Between two
    instants demand runs in a straight line. A machine exists from the
    instant ``arrival`` to, but not at, the instant ``departure``.
    """

    names: tuple[str, ...]
    vcpus: FloatArray
    #: CPU that was asked for at creation, the most that demand can be.
    request_cpu: FloatArray
    memory_mib: FloatArray
    arrival: IntArray
    departure: IntArray
    demand_cpu: FloatArray
    interval_s: float = 300.0

    def __len__(self) -> int:
        return len(self.names)

    @property
    def intervals(self) -> int:
        """Stretches of time between two instants."""
        return max(self.demand_cpu.shape[1] - 1, 0)

    def is_present(self, instant: int) -> BoolArray:
        """Which machines exist at an instant, shape (m,)."""
        return (self.arrival <= instant) & (instant < self.departure)

    def at(self, instant: int, fraction: float = 0.0) -> FloatArray:
        """Demand a fraction of an interval after an instant, shape (m,).

        A machine that ends within the interval keeps what it had.
        """
        now = self.demand_cpu[:, instant]
        if fraction == 0.0:
            return now
        lasts = self.departure > instant + 1
        then = np.where(lasts, self.demand_cpu[:, instant + 1], now)
        return now + (then - now) * fraction
