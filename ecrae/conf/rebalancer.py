# SPDX-License-Identifier: Apache-2.0

"""``[ecrae_rebalancer]``: what is moved, when, and what holds it back."""

from oslo_config import cfg


GROUP = cfg.OptGroup(
    'ecrae_rebalancer',
    title='Rebalancer',
    help='What the rebalancer aims at, and every brake on what it does.',
)

MODES = ('advice', 'auto')
STRATEGIES = ('energy', 'consolidation', 'balance', 'thermal', 'performance')

_AIMS: list[cfg.Opt] = [
    cfg.StrOpt(
        'mode',
        default='advice',
        choices=[
            ('advice', 'plans are recorded; a person approves those to enact'),
            ('auto', 'plans are enacted as soon as every brake lets them'),
        ],
        help='Whether plans are enacted without being asked for.',
    ),
    cfg.StrOpt(
        'strategy',
        default='energy',
        choices=[
            ('energy', 'least watts, whatever number of hosts that takes'),
            ('consolidation', 'fewest hosts, then least watts'),
            ('balance', 'equal utilization of all hosts'),
            ('thermal', 'heat spread over hosts and racks'),
            ('performance', 'no host above half of its CPU, then watts'),
        ],
        help='What plans aim at.',
    ),
    cfg.IntOpt(
        'interval',
        default=300,
        min=10,
        help='Seconds from the begin of one cycle to that of the next.',
    ),
    cfg.FloatOpt(
        'time_limit',
        default=30.0,
        min=0.1,
        help="""
Seconds after which a search for a better placement is ended.

The best plan found so far is taken. Some 5000 hosts need 30 seconds.
""",
    ),
    cfg.IntOpt(
        'horizon',
        default=14400,
        min=60,
        help="""
Seconds for which a new placement is thought to last.

A migration must pay back within it. Smaller values make fewer moves.
""",
    ),
    cfg.FloatOpt(
        'bandwidth',
        default=112.0,
        min=0.1,
        help='MiB a second that a migration gets; it decides what one costs.',
    ),
    cfg.BoolOpt(
        'same_cpu_features',
        default=True,
        help="""
Move only to hosts that have every CPU feature of the present one.

Turn it off where all guests run on one common CPU model
(``[libvirt] cpu_mode = custom`` in nova.conf): Nova compares the guest's
CPU with the destination's in any case.
""",
    ),
]

_BRAKES: list[cfg.Opt] = [
    cfg.FloatOpt(
        'threshold',
        default=3.0,
        min=0.0,
        max=100.0,
        help="""
Percent by which a plan must improve the cloud to be recorded.

Of the watts with ``strategy = energy``, of what stands for them otherwise.
Relief of a host that holds more than its capacity is never held back.
""",
    ),
    cfg.FloatOpt(
        'margin',
        default=1.5,
        min=1.0,
        help="""
How many times its own cost a plan must bring within ``horizon``.

The cost is the energy of the migrations and the work lost in them.
""",
    ),
    cfg.IntOpt(
        'hold_time',
        default=600,
        min=0,
        help="""
Seconds for which a plan must have been worthwhile before it is recorded.

Load that comes and goes moves nothing. ``ecrae-rebalancer --once`` does not
wait for it.
""",
    ),
    cfg.IntOpt(
        'cooldown',
        default=3600,
        min=0,
        help="""
Seconds for which a workload stays after it was moved.

It counts after a migration that failed too, so none is tried in a storm.
""",
    ),
    cfg.IntOpt(
        'max_migrations',
        default=20,
        min=1,
        help='Most migrations of one plan.',
    ),
    cfg.IntOpt(
        'max_concurrent',
        default=2,
        min=1,
        help='Most migrations at the same time.',
    ),
    cfg.IntOpt(
        'max_concurrent_per_host',
        default=1,
        min=1,
        help='Most migrations at the same time from or to one host.',
    ),
    cfg.MultiStrOpt(
        'window',
        default=[],
        help="""
When plans may be enacted, in UTC; repeat the option for several.

Outside of them plans are recorded and approved ones wait; what is under way
is finished.

Possible values:

* days and times: ``Mon-Fri 22:00-06:00``; it may end on the next day
* times of every day: ``01:00-05:00``
* nothing: always
""",
    ),
    cfg.FloatOpt(
        'headroom',
        default=0.1,
        min=0.0,
        max=0.9,
        help="""
Part of every capacity that a migration leaves free on its destination.

Of vCPUs, memory and disk as Placement counts them.
""",
    ),
    cfg.FloatOpt(
        'cpu_ceiling',
        default=0.8,
        min=0.1,
        max=1.0,
        help="Part of a host's CPU that migrations may fill with load.",
    ),
    cfg.IntOpt(
        'spare_hosts',
        default=1,
        min=0,
        help='Empty hosts that stay awake for servers to come.',
    ),
    cfg.FloatOpt(
        'max_flux',
        default=5.0,
        min=0.0,
        max=100.0,
        help="""
Percent of servers that may be in the making, moving or going.

Above it the cloud is busy with something else, and no plan is made.
""",
    ),
    cfg.FloatOpt(
        'min_measured',
        default=0.0,
        min=0.0,
        max=100.0,
        help="""
Percent of servers whose CPU use must be measured, and not estimated.

Whatever this is, no plan is made when there are readings and all of them
are older than ``[ecrae_telemetry] max_age``: telemetry is down then.
""",
    ),
    cfg.IntOpt(
        'failure_pause',
        default=1800,
        min=0,
        help="""
Seconds without plans of its own after one of its plans failed.

Plans that a person approves are enacted all the same.
""",
    ),
]

_PROCESS: list[cfg.Opt] = [
    cfg.IntOpt(
        'migration_timeout',
        default=1800,
        min=10,
        help='Seconds after which a migration is aborted, and failed.',
    ),
    cfg.IntOpt(
        'force_complete_after',
        default=600,
        min=0,
        help="""
Seconds after which Nova is asked to force a live migration to completion.

Nova then switches to post-copy where it may, and pauses the server where it
may not. 0 never asks.
""",
    ),
    cfg.StrOpt(
        'coordination_url',
        default='file:///var/lib/ecrae/coordination',
        help="""
Where rebalancers agree on which one of them acts; a tooz URL.

Possible values:

* ``file:///PATH``: one machine, or several that share the folder
* ``mysql://USER:PASSWORD@HOST/DATABASE``, ``redis://HOST:6379``,
  ``etcd3+http://HOST:2379``, ``zookeeper://HOST:2181``,
  ``memcached://HOST:11211``: several machines; tooz's package for it must be
  installed
""",
        secret=True,
    ),
    cfg.StrOpt(
        'metrics_address',
        default='127.0.0.1',
        help='Address on which metrics are served to Prometheus.',
    ),
    cfg.PortOpt(
        'metrics_port',
        default=0,
        help='Port on which metrics are served to Prometheus; 0: none.',
    ),
]

OPTIONS: list[cfg.Opt] = [*_AIMS, *_BRAKES, *_PROCESS]
