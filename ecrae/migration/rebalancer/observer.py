# SPDX-License-Identifier: Apache-2.0

"""Looks at Nova, Placement, the knowledge base and the newest readings.

A source that cannot be reached ends the look with an error: half a cloud is
nothing to plan on.
"""

import dataclasses
import datetime
import time
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence

from ecrae.clients import fleet
from ecrae.clients import observation
from ecrae.clients.session import Connection
from ecrae.kb import agents
from ecrae.kb import knowledge as knowledge_base
from ecrae.kb import plans
from ecrae.kb import readings
from ecrae.kb.db import Database
from ecrae.migration.optimizer.snapshot import Snapshot
from ecrae.migration.rebalancer import assembly
from ecrae.migration.rebalancer import strain
from ecrae.migration.rebalancer.component import Component
from ecrae.model import load
from ecrae.model import reading
from ecrae.model.agent import Agent
from ecrae.model.cluster import Host
from ecrae.model.fleet import FleetServer
from ecrae.model.knowledge import Knowledge
from ecrae.model.reading import Metric
from ecrae.model.reading import Reading
from ecrae.model.tariff import PLAIN
from ecrae.model.tariff import Tariff


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A cloud at one moment, and how well it is known."""

    now: datetime.datetime
    snapshot: Snapshot
    n_servers: int
    n_in_flux: int
    #: Servers whose CPU use is measured.
    n_measured: int
    #: Age of the newest reading of all; None where nothing is measured.
    reading_age_s: float | None
    #: Hosts in full, and the components on them that have a threshold.
    hosts: tuple[Host, ...] = ()
    components: tuple[Component, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How old what is known may be, in seconds."""

    reading_s: float = 600.0
    agent_s: float = 180.0
    #: How long a workload stays after it was moved.
    cooldown_s: float = 3600.0


class Observer:
    """Looks at one cloud.

    :param tariff: what a watt counts.
    :param clock: seconds since the epoch.
    :param max_load: threshold of servers that have none of their own.
    """

    def __init__(
        self,
        connection: Connection,
        database: Database,
        patience: Patience,
        tariff: Tariff = PLAIN,
        clock: Callable[[], float] = time.time,
        max_load: float | None = None,
    ) -> None:
        self._connection = connection
        self._database = database
        self._patience = patience
        self._tariff = tariff
        self._clock = clock
        self._max_load = max_load

    def look(self) -> View:
        """The cloud as it is now.

        :raises EcraeError: a source failed, refused or is not there.
        """
        now = datetime.datetime.fromtimestamp(self._clock(), datetime.UTC)
        known, measured, reported, moved = self._remembered(now)
        hosts = observation.observe_hosts(self._connection, known)
        servers = fleet.list_servers(self._connection)
        fresh = reading.fresh(
            measured, now.timestamp(), self._patience.reading_s
        )
        seen = assembly.Seen(
            hosts=hosts,
            servers=servers,
            groups=fleet.list_groups(self._connection),
            agents=self._alive(reported, now),
            readings=fresh,
            knowledge=known,
            cooling_s=self._cooling(moved, now),
            tariff=self._tariff,
        )
        ages_s = [now.timestamp() - each.measured_at for each in measured]
        return View(
            now=now,
            snapshot=assembly.snapshot(seen),
            n_servers=len(servers),
            n_in_flux=len(assembly.in_flux(servers)),
            n_measured=_measured(servers, fresh),
            reading_age_s=max(0.0, min(ages_s)) if ages_s else None,
            hosts=tuple(
                load.with_readings(
                    hosts, fresh, now.timestamp(), self._patience.reading_s
                )
            ),
            components=strain.components(
                servers, fresh, known, self._max_load
            ),
        )

    def _remembered(
        self, now: datetime.datetime
    ) -> tuple[
        Knowledge,
        list[Reading],
        list[Agent],
        dict[str, datetime.datetime],
    ]:
        cooldown = datetime.timedelta(seconds=self._patience.cooldown_s)
        with self._database.reader() as session:
            return (
                knowledge_base.load(session),
                readings.list_all(session),
                agents.list_all(session),
                plans.last_moves(session, now - cooldown),
            )

    def _alive(
        self, found: Iterable[Agent], now: datetime.datetime
    ) -> list[Agent]:
        patience = datetime.timedelta(seconds=self._patience.agent_s)
        return [each for each in found if each.is_alive(now, patience)]

    def _cooling(
        self,
        moved: Mapping[str, datetime.datetime],
        now: datetime.datetime,
    ) -> dict[str, float]:
        return {
            workload: self._patience.cooldown_s - (now - when).total_seconds()
            for workload, when in moved.items()
        }


def _measured(servers: Sequence[FleetServer], found: Iterable[Reading]) -> int:
    names = {
        each.name for each in found if each.metric is Metric.CPU_CORES_USED
    }
    return sum(server.id in names for server in servers)
