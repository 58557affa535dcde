# SPDX-License-Identifier: Apache-2.0

"""``[ecrae_agent]``: the agent of a compute host."""

from oslo_config import cfg


GROUP = cfg.OptGroup(
    'ecrae_agent',
    title='Agent',
    help='What the agent of this host moves, and how.',
)

OPTIONS: list[cfg.Opt] = [
    cfg.StrOpt(
        'host',
        sample_default='the name this machine has',
        help="""
Name of this host, by which other agents and the rebalancer call it.

It must be the name that Nova gives the host (``[DEFAULT] host`` there) and
the one in the host's certificate. By default it is what ``hostname`` says.
""",
    ),
    cfg.ListOpt(
        'drivers',
        default=['criu'],
        help="""
What this host's agent can move.

Possible values:

* ``criu``: process trees, registered in ``workload_directory``
* ``lxd``: containers of the LXD daemon here
* ``incus``: containers of the Incus daemon here
* ``fake``: files below ``fake_directory``; for rehearsals
""",
    ),
    cfg.StrOpt(
        'migration_address',
        default='127.0.0.1',
        help="""
IP address at which other hosts' agents reach this one to send workloads.

Best one of a network of its own: a migration takes all the bandwidth that
it gets. The host's certificate must name it.
""",
    ),
    cfg.PortOpt(
        'migration_port_min',
        default=27100,
        min=1024,
        help='First port on which workloads come in. See '
        '``migration_port_max``.',
    ),
    cfg.PortOpt(
        'migration_port_max',
        default=27199,
        min=1024,
        help="""
Last port on which workloads come in.

Open the range in the firewall between compute hosts. A pre-copy takes up to
ten ports while it lasts, every other mode two.
""",
    ),
    cfg.StrOpt(
        'certificate_directory',
        default='/etc/ecrae/certificates',
        help="""
Folder with ``ca.pem``, ``host.pem`` and ``host.key``.

``ecrae-manage certificate issue`` makes them. They are read anew for each
migration, so replacing the files is all that a rotation needs.
""",
    ),
    cfg.StrOpt(
        'state_directory',
        default='/var/lib/ecrae/migrations',
        help="""
Folder of the migrations' journals and images.

It must survive a restart of the host, and have room for the memory of the
workloads that come in by another mode than ``post-copy``.
""",
    ),
    cfg.StrOpt(
        'workload_directory',
        default='/var/lib/ecrae/workloads',
        help="""
Folder of the files that say which process trees may move.

``NAME.json`` holds ``{"pid": N}`` and, if addresses move along,
``"addresses": [{"address": "192.0.2.7/24", "device": "eth0"}]``.
""",
    ),
    cfg.StrOpt(
        'fake_directory',
        default='/var/lib/ecrae/fake',
        help='Folder that the ``fake`` driver of every host shares.',
    ),
    cfg.BoolOpt(
        'raise_pipe_limit',
        default=False,
        help="""
Raise the kernel's ``fs.pipe-max-size`` to what post-copy needs, 4 MiB.

Only needed where root lacks CAP_SYS_RESOURCE, as in some virtual machines
and containers: ``ecrae agent show`` tells. It lets every user of the host
have larger pipes.
""",
    ),
    cfg.IntOpt(
        'max_incoming',
        default=2,
        min=1,
        help='Most workloads that move to this host at once.',
    ),
    cfg.IntOpt(
        'max_outgoing',
        default=2,
        min=1,
        help='Most workloads that move away from this host at once.',
    ),
    cfg.IntOpt(
        'transfer_timeout',
        default=1800,
        min=1,
        help="""
Seconds after which a workload that is being sent is let go on here.

Except in ``post-copy`` and while a ``pre-copy`` makes its rounds the
workload stands still for all of that time.
""",
    ),
    cfg.IntOpt(
        'restore_timeout',
        default=300,
        min=1,
        help='Seconds that making the copy at the destination may take.',
    ),
    cfg.IntOpt(
        'complete_timeout',
        default=1800,
        min=1,
        help="""
Seconds that a ``post-copy`` may take to bring all memory over.

After that the workload goes on at the source as it was when it left.
""",
    ),
    cfg.IntOpt(
        'call_timeout',
        default=30,
        min=1,
        help="""
Seconds after which an agent that does not answer counts as unreachable.

A workload that is being moved waits for that long when the destination's
agent dies while it makes the copy.
""",
    ),
    cfg.IntOpt(
        'heartbeat_interval',
        default=30,
        min=1,
        help="""
Seconds between reports of the agent to the knowledge base.

Between them it also takes up migrations that an unreachable host left
unfinished.
""",
    ),
    cfg.IntOpt(
        'keep_days',
        default=30,
        min=1,
        help='Days for which finished migrations are remembered.',
    ),
    cfg.FloatOpt(
        'max_power',
        default=3000.0,
        min=1.0,
        help="""
Most watts this host can draw; a power reading above that is discarded.
""",
    ),
    cfg.StrOpt(
        'container_endpoint',
        default='',
        help="""
URL under which the LXD or Incus daemon here is reached by other hosts.

For example ``https://192.0.2.7:8443``. Empty uses ``migration_address`` and
the daemon's usual port, 8443.
""",
    ),
    cfg.StrOpt(
        'bmc_file',
        default='/etc/ecrae/bmc.ini',
        help="""
File with the management controllers that this agent can switch hosts by.

A section for each host, named as Nova names it, with ``address``, ``user``
and ``password``, and ``cipher_suite`` where 17 will not do. It must belong
to root and be readable by nobody else. Only agents that are named in the
rebalancer's ``[ecrae_power] ipmi_relays`` need one.
""",
    ),
    cfg.StrOpt(
        'sleep_method',
        default='suspend',
        choices=[
            ('suspend', 'to memory; wakes within seconds'),
            ('hibernate', 'to disk'),
            ('poweroff', 'shut down'),
        ],
        help="""
How this host goes to sleep when the ``wake-on-lan`` power driver asks.

The network interface must be set to wake the host from that state.
""",
    ),
]
