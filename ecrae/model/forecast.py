# SPDX-License-Identifier: Apache-2.0

"""What machines will ask for, from what they have asked for.

CPU demand of a cloud machine is mostly a slowly changing mean under noise
that has forgotten itself at the next sample (on the PlanetLab traces of 2011
the autocorrelation within a machine is 0.1 at five minutes and no more at
half an hour). So the forecast is an exponentially weighted mean and variance,
shrunk towards what all machines have in common while little is known of one.

The noise of machines on one host pools: its standard deviation grows with
the root of their number. A host is safe if::

    Σ m_i + z · √(Σ v_i) ≤ C

A packer that only adds needs this in a straight line. The root is concave,
so its tangent at a typical sum of variances σ² lies above it, and ::

    Σ (m_i + z · v_i / 2σ) ≤ C − z · σ / 2

implies the former, with equality where the host is typical.
"""

import dataclasses

import numpy as np

from ecrae.model.power import FloatArray


#: Samples that what is common to all machines counts for, in the mean and in
#: the variance of one.
_PRIOR_MEAN_SAMPLES = 1.0
_PRIOR_VARIANCE_SAMPLES = 4.0

#: Standard deviation, as a part of what a machine requested, before anything
#: is known, and the machines' samples that this counts for.
_FIRST_DEVIATION = 0.15
_FIRST_SAMPLES = 4.0

#: Weights below this are not worth adding up.
_LEAST_WEIGHT = 1e-3


@dataclasses.dataclass(frozen=True, slots=True)
class Forecast:
    """Mean and variance of the demand to come of m machines, shapes (m,)."""

    mean: FloatArray
    variance: FloatArray


def forecast(
    history: FloatArray, request: FloatArray, half_life: float
) -> Forecast:
    """Demand to come.

    :param history: demand so far, oldest first, NaN where a machine was not
        there, shape (m, samples), at least one sample.
    :param request: the most that each machine may use, shape (m,).
    :param half_life: samples after which an observation counts half.
    """
    kept = int(np.ceil(-np.log2(_LEAST_WEIGHT) * half_life))
    recent = history[:, -kept:]
    ages = np.arange(recent.shape[1] - 1, -1, -1)
    weights = np.where(np.isnan(recent), 0.0, 0.5 ** (ages / half_life))
    seen = np.nan_to_num(recent)
    total = weights.sum(axis=1)
    #: Equally weighted samples that would tell as much.
    samples = _ratio(total**2, (weights**2).sum(axis=1))
    mean = _ratio((weights * seen).sum(axis=1), total)
    spread = (weights * (seen - mean[:, np.newaxis]) ** 2).sum(axis=1)
    variance = _ratio(spread, total)
    common_mean = _common(mean, request, samples)
    mean = _shrunk(mean, common_mean, samples, _PRIOR_MEAN_SAMPLES)
    common_variance = _shrunk(
        _common(variance, request**2, samples - 1.0),
        (_FIRST_DEVIATION * request) ** 2,
        np.maximum(samples - 1.0, 0.0),
        _FIRST_SAMPLES,
    )
    variance = _shrunk(
        variance, common_variance, samples, _PRIOR_VARIANCE_SAMPLES
    )
    # The mean itself is only known to within the noise of its samples.
    uncertainty = 1.0 + 1.0 / (samples + _PRIOR_MEAN_SAMPLES)
    return Forecast(mean=mean, variance=variance * uncertainty)


@dataclasses.dataclass(frozen=True, slots=True)
class Sizes:
    """A pooled forecast in a straight line, for packers that only add."""

    #: What each machine counts for, shape (m,).
    size: FloatArray
    #: What must stay free on a host of the capacity it was made for.
    reserve: float
    #: Variance for each unit of the mean, over all machines.
    _spread: float = 0.0
    #: What the spread adds to a machine of mean 1.
    _surplus: float = 0.0
    _safety: float = 0.0

    def room(self, capacity: FloatArray) -> FloatArray:
        """Sum of sizes that hosts of other capacities can take, shape (n,).

        The smaller a host, the less the noise on it evens out, and the
        larger the part of it that must stay free. Where there is no noise,
        or at the capacity that the sizes were made for, it is the capacity
        less the reserve.
        """
        mean = _full(capacity, self._safety, self._spread) ** 2
        return np.asarray(mean * (1.0 + self._surplus))


def sizes(demand: Forecast, safety: float, capacity: float) -> Sizes:
    """Straight-line sizes for hosts of a capacity.

    :param safety: deviations that a host keeps free, the formula's z.
    """
    mean = float(demand.mean.sum())
    if mean <= 0 or safety <= 0:
        return Sizes(size=demand.mean.copy(), reserve=0.0)
    spread = float(demand.variance.sum()) / mean
    root = float(_full(np.asarray(capacity), safety, spread))
    deviation = np.sqrt(spread) * root
    if deviation <= 0:
        return Sizes(size=demand.mean.copy(), reserve=0.0)
    return Sizes(
        size=demand.mean + safety * demand.variance / (2.0 * deviation),
        reserve=0.5 * safety * deviation,
        _spread=spread,
        _surplus=0.5 * safety * spread / deviation,
        _safety=safety,
    )


def _full(capacity: FloatArray, safety: float, spread: float) -> FloatArray:
    """Root of the mean that fills hosts: ``m + z·√(ρ·m) = C``."""
    half = 0.5 * safety * np.sqrt(spread)
    return np.asarray(np.sqrt(half**2 + capacity) - half)


def _ratio(above: FloatArray, below: FloatArray) -> FloatArray:
    return np.divide(above, below, out=np.zeros_like(above), where=below > 0)


def _common(
    values: FloatArray, scale: FloatArray, samples: FloatArray
) -> FloatArray:
    """Each machine's share, by scale, of what all known ones have."""
    known = samples > 0
    whole = float(scale[known].sum())
    return scale * (float(values[known].sum()) / whole if whole > 0 else 0.0)


def _shrunk(
    own: FloatArray, common: FloatArray, samples: FloatArray, prior: float
) -> FloatArray:
    return (own * samples + common * prior) / (samples + prior)
