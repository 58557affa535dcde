# SPDX-License-Identifier: Apache-2.0

"""``[ecrae_database]``: where the knowledge base is."""

from oslo_config import cfg


GROUP = cfg.OptGroup(
    'ecrae_database',
    title='Knowledge base',
    help='Connection to the SQL database that holds the knowledge base.',
)

OPTIONS: list[cfg.Opt] = [
    cfg.StrOpt(
        'connection',
        secret=True,
        default='sqlite:////var/lib/ecrae/ecrae.sqlite',
        help="""
SQLAlchemy URL of the knowledge base.

Every process that has this option needs to reach the same database:
nova-scheduler, heat-engine, the rebalancer, the agents and the operator's
``ecrae-manage``.

Possible values:

* ``sqlite:///`` followed by an absolute path: one machine only
* ``mysql+pymysql://USER:PASSWORD@HOST/ecrae`` (install ``ecrae[mysql]``)
* ``postgresql+psycopg2://USER:PASSWORD@HOST/ecrae`` (install
  ``ecrae[postgresql]``)
""",
    ),
]
