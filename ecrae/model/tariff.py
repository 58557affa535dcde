# SPDX-License-Identifier: Apache-2.0

"""What a watt counts in each zone, and which watts a component answers for.

All loops take these from the same options, so that the deployer, Nova's
scheduler and the rebalancer agree.
"""

import dataclasses
import math
from collections.abc import Mapping
from collections.abc import Sequence

import numpy as np

from ecrae.model.power import FloatArray


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Tariff:
    """Carbon intensity and price of electricity by availability zone.

    With both weights at their default of 0 only watts count. A weight of 1
    makes a watt count in proportion to the zone's carbon (or price) alone.

    :raises ValueError: a weight or share below 0, weights above 1 together,
        a share above 1, or a carbon intensity or price that is not positive.
    """

    #: Grams of CO2 equivalent per kWh by zone.
    carbon_g_per_kwh: Mapping[str, float] = dataclasses.field(
        default_factory=dict
    )
    #: Price per kWh by zone, in any one currency.
    price_per_kwh: Mapping[str, float] = dataclasses.field(
        default_factory=dict
    )
    carbon_weight: float = 0.0
    price_weight: float = 0.0
    #: Part of a host's idle watts that components share, each by the part of
    #: the host that it keeps busy. 0 leaves them to whoever is there.
    standing_share: float = 1.0
    #: Part of what is left of a sleeping host's idle watts that the component
    #: answers for which wakes it. 1 charges it with all of them.
    wake_share: float = 0.05

    def __post_init__(self) -> None:
        weights = (self.carbon_weight, self.price_weight)
        if min(weights) < 0 or sum(weights) > 1:
            raise ValueError(
                'carbon and price weights must not be negative and must not '
                'exceed 1 together'
            )
        for share in (self.standing_share, self.wake_share):
            if not 0.0 <= share <= 1.0:
                raise ValueError('shares of idle watts lie between 0 and 1')
        for known in (self.carbon_g_per_kwh, self.price_per_kwh):
            for zone, value in known.items():
                if not (math.isfinite(value) and value > 0.0):
                    raise ValueError(
                        f'carbon and price of zone {zone} must be positive'
                    )

    @property
    def is_flat(self) -> bool:
        """Whether a watt counts the same in all zones."""
        return self.carbon_weight == self.price_weight == 0.0


#: Only watts count, the same everywhere, idle ones by the part kept busy.
PLAIN = Tariff()


def factors(tariff: Tariff, zones: Sequence[str]) -> FloatArray:
    """How much a watt counts on each host, 1 on average, shape (n,).

    Carbon and price are taken relative to their mean over the known zones,
    so that neither their unit nor the currency matters. A zone of which
    nothing is known counts as average.

    :param zones: availability zone of each host, shape (n,).
    """
    energy_weight = 1.0 - tariff.carbon_weight - tariff.price_weight
    return (
        energy_weight
        + tariff.carbon_weight * _relative(tariff.carbon_g_per_kwh, zones)
        + tariff.price_weight * _relative(tariff.price_per_kwh, zones)
    )


def _relative(known: Mapping[str, float], zones: Sequence[str]) -> FloatArray:
    if not known:
        return np.ones(len(zones))
    mean = sum(known.values()) / len(known)
    return np.array([known.get(zone, mean) / mean for zone in zones])
