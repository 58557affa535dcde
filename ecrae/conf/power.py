# SPDX-License-Identifier: Apache-2.0

"""``[ecrae_power]``: hosts that sleep while nothing is on them."""

from oslo_config import cfg


DRIVERS = ('noop', 'ironic', 'ipmi', 'wake-on-lan')

GROUP = cfg.OptGroup(
    'ecrae_power',
    title='Power of hosts',
    help='Which emptied hosts the rebalancer puts to sleep, when and how.',
)

OPTIONS: list[cfg.Opt] = [
    cfg.BoolOpt(
        'enabled',
        default=False,
        help="""
Let plans put emptied hosts to sleep and wake them.

Without it the rebalancer empties hosts, and their idle draw stays.
""",
    ),
    cfg.StrOpt(
        'driver',
        default='noop',
        choices=[
            ('noop', 'only take the host out of service'),
            ('ironic', 'ask Ironic'),
            ('ipmi', "management controllers, through other hosts' agents"),
            ('wake-on-lan', 'suspend by the agent, wake by magic packet'),
        ],
        help='How hosts are switched, unless ``host_drivers`` says otherwise.',
    ),
    cfg.DictOpt(
        'host_drivers',
        default={},
        help="""
Hosts that are switched in another way than ``driver``.

For example ``compute-7:ipmi,compute-8:noop``.
""",
    ),
    cfg.ListOpt(
        'never_sleep',
        default=[],
        help='Hosts that always stay on, whatever they cost.',
    ),
    cfg.DictOpt(
        'ironic_nodes',
        default={},
        help="""
Ironic's node of each host that is not named as the host is.

For example ``compute-7:rack2-slot7``; a UUID will do.
""",
    ),
    cfg.ListOpt(
        'ipmi_relays',
        default=[],
        help="""
Hosts whose agents talk to management controllers, the preferred first.

Each has the controllers' addresses and credentials in its own ``[ecrae_agent]
bmc_file``. Name two at least that stay on (``never_sleep``).
""",
    ),
    cfg.DictOpt(
        'mac_addresses',
        default={},
        help="""
MAC address that wakes each host by magic packet.

For example ``compute-7:52:54:00:12:34:56``.
""",
    ),
    cfg.StrOpt(
        'wake_on_lan_broadcast',
        default='255.255.255.255',
        help="""
Address to which magic packets go.

The broadcast address of the hosts' subnet where the rebalancer is not in it,
if the router between forwards such packets.
""",
    ),
    cfg.PortOpt(
        'wake_on_lan_port', default=9, help='UDP port of magic packets.'
    ),
    cfg.FloatOpt(
        'settle_time',
        default=15.0,
        min=0.0,
        help="""
Seconds between taking a host out of service and switching it off.

What Nova's scheduler had chosen the host for arrives in that time; then the
host is looked at again, and stays on unless it is empty.
""",
    ),
    cfg.FloatOpt(
        'sleep_timeout',
        default=600.0,
        min=1.0,
        help="""
Seconds a host may take to switch off and be noticed as down by Nova.

A host that takes longer stays out of service for somebody to look at.
""",
    ),
    cfg.FloatOpt(
        'wake_timeout',
        default=900.0,
        min=1.0,
        help='Seconds from switching a host on until its services report.',
    ),
    cfg.FloatOpt(
        'min_off_time',
        default=1800.0,
        min=0.0,
        help="""
Seconds a host stays off at least.

A host is put to sleep only when it will not be needed for that long. It is
woken sooner only where less than half of the room that should be free is.
""",
    ),
    cfg.FloatOpt(
        'min_on_time',
        default=1800.0,
        min=0.0,
        help='Seconds a host stays on at least after it was woken.',
    ),
    cfg.FloatOpt(
        'wake_lead_time',
        default=600.0,
        min=0.0,
        help="""
Seconds ahead for which room is kept awake.

At least as long as the slowest host takes to wake: demand that the forecast
expects within that time finds its host awake.
""",
    ),
    cfg.FloatOpt(
        'min_headroom',
        default=0.1,
        min=0.0,
        max=1.0,
        help="""
Part of what is in use that is kept free at least on hosts that are awake.

Counts for vCPUs and for memory, among hosts of the same architecture and
availability zone. A forecast of more growth than this keeps more free.
""",
    ),
    cfg.IntOpt(
        'spare_hosts',
        default=1,
        min=0,
        help="""
Empty hosts that stay awake, of each architecture and zone.

With 0, the last host of an architecture can go to sleep when nothing runs on
it, and a request for it fails until demand elsewhere wakes it.
""",
    ),
    cfg.FloatOpt(
        'forecast_safety',
        default=2.0,
        min=0.0,
        help="""
Standard deviations by which forecast growth is exceeded for safety.
""",
    ),
]
