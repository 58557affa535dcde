# SPDX-License-Identifier: Apache-2.0

"""Readings that ECRAE's own agents report to the knowledge base."""

from ecrae.kb import agents
from ecrae.kb.db import Database
from ecrae.model.reading import Metric
from ecrae.model.reading import Reading
from ecrae.model.reading import Subject


#: What an agent's report calls them → metrics of a host.
_USE = {'utilization': Metric.UTILIZATION, 'power_w': Metric.POWER_W}


class AgentSource:
    """Reads the use of hosts out of their agents' last reports."""

    name = 'agent'

    def __init__(self, database: Database) -> None:
        self._database = database

    def latest(self, now: float) -> list[Reading]:
        """What each agent last measured; its age is the report's."""
        del now
        with self._database.reader() as session:
            known = agents.list_all(session)
        return [
            Reading(
                subject=Subject.HOST,
                name=agent.hostname,
                metric=metric,
                value=float(use[key]),
                measured_at=agent.heartbeat_at.timestamp(),
                source=self.name,
            )
            for agent in known
            for key, metric in _USE.items()
            if key in (use := agent.capabilities.get('use', {}))
        ]

    def history(
        self, subject: Subject, metric: Metric, start: float, stop: float
    ) -> list[Reading]:
        """Nothing: each report takes the place of the last one."""
        del subject, metric, start, stop
        return []
