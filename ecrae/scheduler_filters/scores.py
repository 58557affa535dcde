# SPDX-License-Identifier: Apache-2.0

"""The ranking's merit as weights that Nova can add up.

Nova maps the weights of one weigher linearly onto [0, 1]. Handed plain
merits, a single host on a flat stretch of its power curve would press
all others together near 0, and differences of the size of a rounding error
would be blown up to the full range. So the weight is the logarithm, in steps
of a thousandth: equal ratios count the same wherever they lie, and hosts
that differ by less are left to Nova's other weighers.
"""

import numpy as np

from ecrae.model.power import FloatArray
from ecrae.scheduler_filters.arrays import BoolArray


#: Steps for each factor of e between two efficiencies.
STEPS = 1000.0

#: How far below the least efficient host one ranks that cannot serve the
#: server at all: as if it took twice the energy.
LAST = STEPS * float(np.log(2.0))

#: A preference of this or more no longer tells targets apart.
PREFERENCES = 20


def weights(
    merit: FloatArray,
    preference: FloatArray,
    is_known: BoolArray,
    is_allowed: BoolArray,
) -> FloatArray:
    """Weight of each host, finite, higher is better; shapes (n,).

    A host that is not known ranks with the least efficient one. A known one
    that is not allowed, or has no CPU left to deliver the work, comes last.

    :param merit: work for each watt charged, of :mod:`ecrae.model.ranking`.
    :param preference: of the tag's target, 1 is most preferred; counts
        between hosts of one step.
    """
    usable = is_known & is_allowed & np.isfinite(merit)
    usable &= merit > 0.0
    if not usable.any():
        return np.where(is_known, -LAST, 0.0)
    steps = np.round(STEPS * np.log(np.where(usable, merit, 1.0)))
    steps -= np.minimum(preference, PREFERENCES) / (2.0 * PREFERENCES)
    worst = steps[usable].min()
    return np.where(usable, steps, np.where(is_known, worst - LAST, worst))
