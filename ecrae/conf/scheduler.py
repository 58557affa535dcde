# SPDX-License-Identifier: Apache-2.0

"""``[ecrae_scheduler]``: the plugins inside nova-scheduler."""

from oslo_config import cfg


GROUP = cfg.OptGroup(
    'ecrae_scheduler',
    title='Scheduler plugins',
    help="""
How the filters and the weigher inside nova-scheduler behave. Belongs into
nova.conf, beside ``[ecrae_database]``.
""",
)

OPTIONS: list[cfg.Opt] = [
    cfg.FloatOpt(
        'energy_weight_multiplier',
        default=10000.0,
        help="""
How much EcraeEnergyWeigher counts against Nova's own weighers.

The default lets a host whose marginal energy efficiency is better by some
tenths of a percent win over whatever the RAM, CPU, disk, I/O and affinity
weighers of Nova say together at their default multipliers, and still yields
to BuildFailureWeigher, so that a broken host does not attract every server.
The aggregate metadata key ``ecrae_energy_weight_multiplier`` overrides it
for the hosts of an aggregate.

Possible values:

* A positive number: prefer the most efficient host; about 1.0 balances
  energy with Nova's own weighers
* 0.0: the weigher has no say
* A negative number: prefer the least efficient host
""",
    ),
    cfg.IntOpt(
        'refresh_interval',
        default=30,
        min=1,
        help="""
Seconds between two readings of the knowledge base.

A thread beside the requests reads it; no request ever waits for the
database, except for the first one (see ``first_load_timeout``).
""",
    ),
    cfg.IntOpt(
        'max_age',
        default=600,
        min=1,
        help="""
Seconds for which the last reading of the knowledge base is still used when
no newer one succeeds.

After that, or when the knowledge base was never read, the plugins are
neutral: tagged servers are scheduled as untagged ones until a reading
succeeds. The log says so once when it begins and once when it ends.

A measurement of a host that is older than this is not used either; the load of
the host is then estimated from what is allocated on it.

Related options:

* ``refresh_interval`` must be smaller for this to have a use
""",
    ),
    cfg.FloatOpt(
        'first_load_timeout',
        default=2.0,
        min=0.0,
        help="""
Seconds that the first requests after the start of a nova-scheduler worker
wait, all together, for the first reading of the knowledge base.

Requests that arrive later do not wait.

Possible values:

* A positive number
* 0.0: never wait; the first requests are then scheduled neutrally
""",
    ),
    cfg.FloatOpt(
        'host_power_cap',
        default=0.0,
        min=0.0,
        help="""
Watts that EcraePowerCapFilter lets a single host draw.

Aggregate metadata can cap some hosts lower with
``ecrae:host_power_cap``, and all hosts of an aggregate together (a rack, a
zone) with ``ecrae:power_cap``.

Possible values:

* A positive number of watts
* 0.0: hosts have no cap of their own
""",
    ),
    cfg.IntOpt(
        'shortlist_size',
        default=200,
        min=0,
        help="""
Hosts that EcraeShortlistFilter leaves for each server of a request.

The filter passes the most efficient hosts only, so that Nova's weighers do
not look at thousands of others. The next best hosts are the alternates when
a build fails, so a few dozen are wanted in each cell.

Possible values:

* A positive number
* 0: the filter passes all hosts, as it does where
  ``energy_weight_multiplier`` is below 1.0
""",
    ),
]
