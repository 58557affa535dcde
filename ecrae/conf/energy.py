# SPDX-License-Identifier: Apache-2.0

"""``[ecrae_energy]``: what a watt counts, wherever hosts are ranked."""

from oslo_config import cfg
from oslo_config import types

from ecrae import exception
from ecrae.model.tariff import Tariff


GROUP = cfg.OptGroup(
    'ecrae_energy',
    title='What a watt counts',
    help="""
Weights of the one energy function. Set them alike in ecrae.conf, in nova.conf
of nova-scheduler and in heat.conf, so that the deployer, the scheduler and
the rebalancer agree.
""",
)

_BY_ZONE = types.Dict(types.Float(min=0.0))

OPTIONS: list[cfg.Opt] = [
    cfg.Opt(
        'carbon_intensity',
        type=_BY_ZONE,
        default={},
        help="""
Grams of CO2 equivalent for a kWh, by availability zone.

Only their proportion to the mean of all zones counts. A zone that is not
named counts as average.

Possible values:

* ZONE:NUMBER pairs, separated by commas; numbers above 0

Related options:

* ``carbon_weight`` says how much this matters; at its default, nothing
""",
    ),
    cfg.Opt(
        'price',
        type=_BY_ZONE,
        default={},
        help="""
Price of a kWh in any one currency, by availability zone.

Only their proportion to the mean of all zones counts. A zone that is not
named counts as average.

Possible values:

* ZONE:NUMBER pairs, separated by commas; numbers above 0

Related options:

* ``price_weight`` says how much this matters; at its default, nothing
""",
    ),
    cfg.FloatOpt(
        'carbon_weight',
        default=0.0,
        min=0.0,
        max=1.0,
        help="""
How much of what a watt counts is its carbon.

Possible values:

* 0.0: watts count alike everywhere
* 1.0: a watt counts in proportion to the carbon intensity of its zone
* between: a weighted mean; not above 1 together with ``price_weight``
""",
    ),
    cfg.FloatOpt(
        'price_weight',
        default=0.0,
        min=0.0,
        max=1.0,
        help="""
How much of what a watt counts is its price.

Possible values:

* 0.0: watts count alike everywhere
* 1.0: a watt counts in proportion to the price of its zone
* between: a weighted mean; not above 1 together with ``carbon_weight``
""",
    ),
    cfg.FloatOpt(
        'standing_share',
        default=1.0,
        min=0.0,
        max=1.0,
        help="""
Part of a host's idle watts that its components share, each by the part of
the host's CPU that it keeps busy.

The watts that a component adds to a host that is on say nothing of the watts
that keep it on, and a ranking by them alone fills old hosts that happen to be
on. The initial placement of ``benchmarks/allocation_energy.py`` takes some 15
to 20 percent less energy with 1.0 than with 0.0.

Possible values:

* 1.0: components answer for all idle watts
* 0.0: for none of them; only added watts count
""",
    ),
    cfg.FloatOpt(
        'wake_share',
        default=0.05,
        min=0.0,
        max=1.0,
        help="""
Part of a sleeping host's idle watts, beyond its own share of them, that is
charged to the component which wakes the host.

The host is thought to fill up with others later.

Possible values:

* near 0.0: wake an efficient host early
* 1.0: charge all of it, so that hosts that are on are filled first

Related options:

* ``standing_share``; with 0.0 there and 1.0 here only added watts count
""",
    ),
]


def tariff(conf: cfg.ConfigOpts) -> Tariff:
    """What the options say.

    :raises ConfigError: they contradict one another.
    """
    group = conf[GROUP.name]
    try:
        return Tariff(
            carbon_g_per_kwh=dict(group.carbon_intensity),
            price_per_kwh=dict(group.price),
            carbon_weight=group.carbon_weight,
            price_weight=group.price_weight,
            standing_share=group.standing_share,
            wake_share=group.wake_share,
        )
    except ValueError as error:
        raise exception.ConfigError(f'[{GROUP.name}] {error}.') from None
