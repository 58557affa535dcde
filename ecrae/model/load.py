# SPDX-License-Identifier: Apache-2.0

"""Load of a host that nothing measures, from what is allocated on it."""

import numpy as np

from ecrae.model.power import FloatArray


#: Busy part of an allocated vCPU where nothing better is known. Cloud
#: servers idle most of the time: the mean over the PlanetLab traces of
#: 2011-03 is 0.11 to 0.13, and published Azure and Alibaba means lie below
#: 0.4. A value above the means errs towards leaving headroom.
DEFAULT_BUSY_FRACTION = 0.3


def allocated_utilization(
    vcpus_used: FloatArray, cores: FloatArray
) -> FloatArray:
    """Estimated utilization in [0, 1] of hosts, shapes (n,)."""
    return np.clip(vcpus_used * DEFAULT_BUSY_FRACTION / cores, 0.0, 1.0)
