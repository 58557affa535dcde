# SPDX-License-Identifier: Apache-2.0

"""Plans inside heat-engine, with the service's eyes instead of the tenant's.

A tenant may see neither hosts nor the knowledge base. heat-engine looks at
both with ``[ecrae_cloud]`` and ``[ecrae_database]`` of its own configuration,
lays what telemetry measured over what it estimates, and keeps what it saw for
a few seconds, because one request makes it plan several times.
"""

import contextlib
import dataclasses
import threading
import time
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from typing import Any

from oslo_config import cfg
from oslo_log import log

from ecrae import conf as ecrae_conf
from ecrae import exception
from ecrae.clients import compute
from ecrae.clients import observation
from ecrae.clients import session
from ecrae.conf import energy
from ecrae.deployer import pipeline
from ecrae.deployer import present
from ecrae.deployer.descriptor import Descriptor
from ecrae.deployer.selection import Previous
from ecrae.kb import decisions
from ecrae.kb import knowledge as kb_knowledge
from ecrae.kb.db import Database
from ecrae.model.cluster import Cluster
from ecrae.model.cluster import Flavor
from ecrae.model.cluster import Host
from ecrae.model.decision import Decision
from ecrae.model.knowledge import Knowledge
from ecrae.model.tariff import PLAIN
from ecrae.model.tariff import Tariff


LOG = log.getLogger(__name__)


@dataclasses.dataclass(frozen=True, slots=True)
class View:
    """What is the same for every tenant."""

    knowledge: Knowledge
    hosts: tuple[Host, ...]
    flavors: tuple[Flavor, ...]
    taken_at_s: float


class Planner:
    """Plans applications; safe to share between heat-engine's threads.

    :param connect: gives the connection to the cloud; called when needed.
    :param lifetime_s: how long one look at the hosts serves.
    :param max_age_s: the oldest measurement that counts.
    :param clock: seconds that never go back.
    :param wall: seconds since the epoch.
    :param tariff: what a watt counts.
    """

    def __init__(
        self,
        database: Database,
        connect: Callable[[], session.Connection],
        lifetime_s: float,
        max_age_s: float,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
        tariff: Tariff = PLAIN,
    ) -> None:
        self._database = database
        self._connect = connect
        self._lifetime_s = lifetime_s
        self._max_age_s = max_age_s
        self._tariff = tariff
        self._clock = clock
        self._wall = wall
        self._lock = threading.Lock()
        self._connection: session.Connection | None = None
        self._view: View | None = None

    def plan(
        self,
        descriptor: Descriptor,
        *,
        inputs: Mapping[str, Any],
        project_id: str,
        previous: Mapping[str, Previous],
    ) -> pipeline.DeploymentPlan:
        """Choose hardware for an application of a project.

        :raises TemplateError: the descriptor is bad.
        :raises PlacementError: nothing fits.
        :raises ConfigError: ECRAE itself cannot work; the message is fit for
            a tenant, the log has the cause.
        """
        view = self._current_view()
        with _needed('the state of the cloud'):
            images = compute.list_images(self._connected(), project_id)
        plan = pipeline.plan(
            descriptor,
            inputs=inputs,
            knowledge=view.knowledge,
            cluster=Cluster(
                hosts=view.hosts,
                flavors=view.flavors,
                images=tuple(images),
                tariff=self._tariff,
            ),
            previous=previous,
        )
        plan.require_files()
        return plan

    def record(self, decision: Decision) -> None:
        """Keep a decision; an application does not fail for the audit.

        The next plan looks at the hosts anew, and so counts this one.
        """
        with self._lock:
            self._view = None
        try:
            with self._database.writer() as transaction:
                decisions.record(transaction, decision)
        except exception.EcraeError as error:
            LOG.warning('Decision %s is not recorded: %s', decision.id, error)

    def _current_view(self) -> View:
        with self._lock:
            now_s = self._clock()
            view = self._view
            if view is None or now_s - view.taken_at_s >= self._lifetime_s:
                view = self._look(now_s)
                self._view = view
            return view

    def _look(self, now_s: float) -> View:
        now = self._wall()
        with _needed('its knowledge base'):
            with self._database.reader() as transaction:
                known = kb_knowledge.load(transaction)
            memory = present.remember(self._database, now, self._max_age_s)
        with _needed('the state of the cloud'):
            connection = self._connected()
            seen = observation.observe_hosts(connection, known)
            hosts = present.hosts(connection, seen, known, memory, now)
            return View(
                knowledge=known,
                hosts=tuple(hosts),
                flavors=tuple(compute.list_flavors(connection)),
                taken_at_s=now_s,
            )

    def _connected(self) -> session.Connection:
        if self._connection is None:
            self._connection = self._connect()
        return self._connection


def from_options(conf: cfg.ConfigOpts) -> Planner:
    """The planner that a service's configuration describes.

    :raises ConfigError: an option cannot be used; fit for a tenant.
    """
    ecrae_conf.register_opts(conf)
    session.register_opts(conf)
    with _needed('its knowledge base'):
        database = Database(conf.ecrae_database.connection)
    return Planner(
        database,
        lambda: session.from_options(conf),
        conf.ecrae_deployer.observation_lifetime,
        conf.ecrae_telemetry.max_age,
        tariff=energy.tariff(conf),
    )


@contextlib.contextmanager
def _needed(what: str) -> Iterator[None]:
    """Tell the operator the cause and the tenant what matters to him."""
    try:
        yield
    except exception.EcraeError as error:
        LOG.error('%s', error)
        raise exception.ConfigError(
            f'ECRAE cannot choose hardware now because {what} is not '
            'available. Nothing is wrong with your template; please tell the '
            'operator of this cloud, whose heat-engine log has the cause.'
        ) from error
