# SPDX-License-Identifier: Apache-2.0

"""The scenario of ``ecrae simulate --history``.

A module of its own: a replay of files needs no client of any cloud.
"""

import time

from oslo_config import cfg

from ecrae.clients import fleet
from ecrae.clients import observation
from ecrae.clients import session as sessions
from ecrae.kb import knowledge
from ecrae.kb.db import Database
from ecrae.model.reading import Metric
from ecrae.model.reading import Subject
from ecrae.simulator import cloud_history
from ecrae.simulator.comparison import Scenario
from ecrae.simulator.policy import Rules
from ecrae.telemetry import factory


def scenario(
    conf: cfg.ConfigOpts, hours: float, interval_s: float, rules: Rules
) -> Scenario:
    """This cloud's last hours on its own hosts.

    :raises ConfigError: an option is missing or wrong.
    :raises CloudError: Nova or telemetry failed.
    :raises InputError: nothing was measured.
    """
    database = Database(conf.ecrae_database.connection)
    with database.reader() as session:
        known = knowledge.load(session)
    stop = time.time()
    start = stop - hours * 3600
    history = factory.make_history(conf, known, start, stop)
    series = history.read(Subject.INSTANCE, Metric.CPU_CORES_USED)
    connection = sessions.from_options(conf)
    return Scenario(
        trace=cloud_history.trace(
            fleet.list_servers(connection), series, start, stop, interval_s
        ),
        fleet=cloud_history.fleet(
            observation.observe_hosts(connection, known)
        ),
        rules=rules,
    )
