# SPDX-License-Identifier: Apache-2.0

"""Puts emptied hosts to sleep and wakes them, step by provable step.

Sleep: out of Nova's service, empty for certain, off, silent, remembered.
Wake: on, compute service and agent up, remembered, back in service. Each
step looks first whether it is done, so that another rebalancer can go on
where one died. A service that somebody else disabled is never touched.
"""

import dataclasses
import time
from collections.abc import Callable

from oslo_log import log

from ecrae import exception
from ecrae.clients import compute_services
from ecrae.clients.compute_services import Service
from ecrae.clients.session import Connection
from ecrae.kb import agents
from ecrae.kb import db
from ecrae.kb import hosts
from ecrae.migration import rpcapi
from ecrae.migration.hosts import drivers
from ecrae.model import plan
from ecrae.model.cluster import HostState


LOG = log.getLogger(__name__)

#: What operators read in "openstack compute service list --long".
REASON = 'emptied to save power; "ecrae proposal list" says why'


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Waits:
    """How long is waited for what, in seconds."""

    #: From taking a host out of service to believing that it is empty:
    #: what the scheduler had chosen it for arrives meanwhile.
    settle_s: float = 15.0
    sleep_s: float = 600.0
    wake_s: float = 900.0
    poll_s: float = 5.0


class HostPower:
    """What both directions need: Nova, the knowledge base, drivers, agents.

    :param pause: sleeps; ``clock``: monotonic seconds.
    """

    def __init__(
        self,
        connection: Connection,
        database: db.Database,
        api: rpcapi.AgentAPI,
        power: drivers.Drivers,
        waits: Waits,
        *,
        pause: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._connection = connection
        self._database = database
        self._api = api
        self._power = power
        self._waits = waits
        self._pause = pause
        self._clock = clock

    def _service(self, host: str) -> Service:
        """The compute service, if ECRAE may change it.

        :raises Conflict: somebody else took it out of service.
        """
        service = compute_services.get(self._connection, host)
        if service.is_someone_elses:
            raise exception.Conflict(
                f'The compute service of {host} is disabled, and not by '
                f'ECRAE ({service.reason or "no reason given"}): the host '
                f'is left alone.'
            )
        return service

    def _remember(self, host: str, state: HostState) -> None:
        with self._database.writer() as session:
            hosts.set_state(session, host, state)

    def _has_agent(self, host: str) -> bool:
        try:
            with self._database.reader() as session:
                agents.get(session, host)
        except exception.NotFound:
            return False
        return True

    def _agent_answers(self, host: str) -> bool:
        try:
            self._api.get_agent(host)
        except exception.Unreachable:
            return False
        return True

    def _ask_until(
        self,
        ask: Callable[[], None],
        is_done: Callable[[], bool],
        limit_s: float,
        failure: str,
    ) -> None:
        """Ask, look, and ask again: packets get lost, services are busy.

        :raises MigrationError: with ``failure``, when it is not in time.
        """
        deadline = self._clock() + limit_s
        ask()
        while True:
            last = ''
            try:
                if is_done():
                    return
                ask()
            except (exception.CloudError, exception.Unreachable) as error:
                last = f' {error}'
            if self._clock() >= deadline:
                raise exception.MigrationError(
                    f'{failure} within {limit_s:g} s.{last}'
                )
            self._pause(self._waits.poll_s)


class SleepEnactor(HostPower):
    """Takes an empty host out of service and switches it off."""

    def __call__(
        self, action: plan.Action, *, cancelled: Callable[[], bool]
    ) -> None:
        """Return once the host is off and remembered as asleep.

        Until it is asked to switch off, every failure puts the host back
        into service; after that it stays out, so that nothing lands on it.

        :raises Conflict: the host is not empty, is not ECRAE's to disable,
            or the action was cancelled.
        :raises MigrationError: it did not go off in time.
        """
        host = action.source
        driver = self._power.of(host)
        service = self._service(host)
        if not self._is_asleep(host, service, driver):
            self._empty_for_certain(host, service, cancelled)
            self._switch_off(host, driver)
        self._remember(host, HostState.ASLEEP)
        LOG.info('Host %s is asleep', host)

    def _switch_off(self, host: str, driver: drivers.PowerDriver) -> None:
        is_asked = False

        def ask() -> None:
            nonlocal is_asked
            try:
                driver.switch_off(host)
            except exception.Unreachable as error:
                # It may have been carried out all the same.
                LOG.warning('Switching %s off: %s', host, error)
            is_asked = True

        try:
            self._ask_until(
                ask,
                lambda: self._is_off(host, driver),
                self._waits.sleep_s,
                f'{host} is out of service, but did not switch off',
            )
        except exception.EcraeError:
            if is_asked:
                # It may go off at any moment: a person must look.
                self._remember(host, HostState.DOWN)
            else:
                self._put_back(host)
            raise

    def _is_asleep(
        self, host: str, service: Service, driver: drivers.PowerDriver
    ) -> bool:
        """Whether a rebalancer before this one got it off."""
        if not service.is_ours:
            return False
        return driver.switches and self._is_off(host, driver)

    def _is_off(self, host: str, driver: drivers.PowerDriver) -> bool:
        """Whether it is off, and Nova has noticed.

        While Nova still believes in it, a wake would believe it too.
        """
        if not driver.switches:
            return True
        if driver.is_on(host):
            return False
        if compute_services.get(self._connection, host).is_up:
            return False
        return not self._has_agent(host) or not self._agent_answers(host)

    def _empty_for_certain(
        self, host: str, service: Service, cancelled: Callable[[], bool]
    ) -> None:
        self._refuse_occupied(host)
        if service.is_enabled:
            compute_services.disable(self._connection, service, REASON)
        try:
            self._remember(host, HostState.DRAINING)
            self._pause(self._waits.settle_s)
            self._refuse_occupied(host)
            if cancelled():
                raise exception.Conflict(f'{host}: sleeping was cancelled.')
        except Exception:
            self._put_back(host)
            raise

    def _put_back(self, host: str) -> None:
        service = compute_services.get(self._connection, host)
        if service.is_ours:
            compute_services.enable(self._connection, service)
        self._remember(host, HostState.AWAKE)

    def _refuse_occupied(self, host: str) -> None:
        found = compute_services.occupants(self._connection, host)
        if not found and self._has_agent(host):
            # An agent that does not answer may have workloads: no sleep.
            found = [
                each['name'] for each in self._api.get_agent(host)['workloads']
            ]
        if found:
            more = f' and {len(found) - 3} more' if len(found) > 3 else ''
            raise exception.Conflict(
                f'{host} is not empty: it has {", ".join(found[:3])}{more}.'
            )


class WakeEnactor(HostPower):
    """Switches a host on and puts it back into service."""

    def __call__(
        self, action: plan.Action, *, cancelled: Callable[[], bool]
    ) -> None:
        """Return once Nova may place servers on the host.

        :raises Conflict: somebody else disabled it, or the action was
            cancelled before the host was switched on.
        :raises MigrationError: it did not come up in time.
        """
        host = action.destination
        driver = self._power.of(host)
        service = self._service(host)
        if not (service.is_enabled and service.is_up):
            if cancelled():
                raise exception.Conflict(f'{host}: waking was cancelled.')
            self._ask_until(
                lambda: driver.switch_on(host),
                lambda: self._is_up(host),
                self._waits.wake_s,
                f'{host} was switched on, but its compute service and agent '
                f'did not report',
            )
            # An operator may have taken the host meanwhile.
            service = self._service(host)
        if not service.is_enabled:
            compute_services.enable(self._connection, service)
        self._remember(host, HostState.AWAKE)
        LOG.info('Host %s is awake', host)

    def _is_up(self, host: str) -> bool:
        if not compute_services.get(self._connection, host).is_up:
            return False
        return not self._has_agent(host) or self._agent_answers(host)
