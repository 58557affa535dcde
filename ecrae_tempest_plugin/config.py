# SPDX-License-Identifier: Apache-2.0

"""Options of tempest.conf: which tags and hosts the cloud under test has."""

from oslo_config import cfg


service_available = cfg.BoolOpt(
    'ecrae',
    default=True,
    help='Whether ECRAE is expected to be available.',
)

ecrae_group = cfg.OptGroup(
    'ecrae', title='Energy-aware placement by ECRAE in Heat and Nova'
)

EcraeGroup = [
    cfg.StrOpt(
        'catalog_type',
        default='orchestration',
        help='Type of the service that takes tagged TOSCA, which is Heat.',
    ),
    cfg.StrOpt(
        'endpoint_type',
        default='publicURL',
        choices=['publicURL', 'adminURL', 'internalURL'],
        help='Endpoint of Heat to use.',
    ),
    cfg.StrOpt(
        'region',
        default='',
        help='Region of Heat; that of identity if empty.',
    ),
    cfg.IntOpt(
        'build_timeout',
        default=600,
        min=1,
        help='Seconds that a stack may take to be created or deleted.',
    ),
    cfg.IntOpt(
        'build_interval',
        default=2,
        min=1,
        help='Seconds between two looks at a stack.',
    ),
    cfg.ListOpt(
        'tags',
        default=['web-frontend', 'database'],
        help='Two hint tags of the knowledge base that the cloud has room '
        'for.',
    ),
    cfg.DictOpt(
        'host_node_types',
        default={},
        help="""
Node type of each compute host, as in the knowledge base.

Possible values:

* ``HOST:NODE_TYPE,HOST:NODE_TYPE``, hosts as Nova names them. With it tests
  check where servers are; what only exact tags can show is skipped without.
""",
    ),
    cfg.StrOpt(
        'operator_command',
        default='',
        help="""
How the operator calls ``ecrae`` from where tempest runs.

Possible values:

* a command line to which ``proposal list`` and so on are added, such as
  ``ecrae --config-file /etc/ecrae/ecrae.conf`` or, where the knowledge base
  is out of reach, the same through ``ssh``
* nothing, where the cloud has no rebalancer: its tests are skipped
""",
    ),
    cfg.ListOpt(
        'rebalanced_hosts',
        default=[],
        help="""
Two compute hosts, as Nova names them, on which plans are tested.

Servers must be able to migrate live from the second to the first, nothing
else may run on them, and the knowledge base must know them. The tests of
plans are skipped without.
""",
    ),
    cfg.IntOpt(
        'plan_timeout',
        default=1800,
        min=1,
        help="""
Seconds until a worthwhile plan must be recorded, and again until it must be
enacted.

Take more than ``hold_time``, ``interval`` and ``migration_timeout`` of the
cloud's ``[ecrae_rebalancer]`` together.
""",
    ),
]
