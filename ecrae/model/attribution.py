# SPDX-License-Identifier: Apache-2.0

"""Which instance draws how much of its node's watts.

The part above idle goes to instances by the CPU they use, the idle part by
the vCPUs they hold, because a node is kept on for what was promised on it.
Kepler divides dynamic power by CPU time in the same way.
"""

import numpy as np

from ecrae.model.power import FloatArray


def attribute(
    power_w: float,
    idle_w: float,
    cores_used: FloatArray,
    vcpus: FloatArray,
) -> FloatArray:
    """Divide a node's watts; the parts add up to the whole.

    :param power_w: what the node draws now.
    :param idle_w: what it draws with no load.
    :param cores_used: cores each instance keeps busy, shape (n,).
    :param vcpus: vCPUs each instance holds, shape (n,).
    :returns: watts of each instance, shape (n,); empty for no instances.
    """
    if len(vcpus) == 0:
        return np.zeros(0)
    fixed_w = min(idle_w, power_w)
    held = _share(vcpus, np.ones(len(vcpus)))
    used = _share(cores_used, vcpus)
    return fixed_w * held + (power_w - fixed_w) * used


def _share(amounts: FloatArray, otherwise: FloatArray) -> FloatArray:
    total = amounts.sum()
    if total <= 0:
        return _share(otherwise, np.ones(len(otherwise)))
    return amounts / total
