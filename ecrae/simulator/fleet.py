# SPDX-License-Identifier: Apache-2.0

"""The hosts of a simulation as columns."""

import dataclasses

import numpy as np
import numpy.typing as npt

from ecrae.model import power
from ecrae.model.power import FloatArray


@dataclasses.dataclass(frozen=True, slots=True)
class Fleet:
    """Columns over n hosts; ``curves_w`` has shape (n, 11), others (n,).

    CPU is counted in the unit of the trace: MIPS, or cores of a reference
    machine.
    """

    names: tuple[str, ...]
    capacity_cpu: FloatArray
    #: What one vCPU can get at most: the speed of one core.
    core_cpu: FloatArray
    memory_mib: FloatArray
    curves_w: FloatArray
    sleep_w: FloatArray
    #: What a migration into the host moves in a second.
    bandwidth_mib_s: FloatArray

    def __len__(self) -> int:
        return len(self.names)

    def watts(
        self, used_cpu: FloatArray, is_on: npt.NDArray[np.bool_]
    ) -> FloatArray:
        """Draw of each host, shape (n,), at the CPU in use on it."""
        utilization = np.clip(used_cpu / self.capacity_cpu, 0.0, 1.0)
        return np.where(
            is_on, power.watts(self.curves_w, utilization), self.sleep_w
        )
