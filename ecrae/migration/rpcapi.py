# SPDX-License-Identifier: Apache-2.0

"""Calling agents."""

from collections.abc import Mapping
from typing import Any

from ecrae import rpc
from ecrae.migration import job as jobs


VERSION = '1.0'


class AgentAPI:
    """Client of :class:`ecrae.migration.agent.AgentManager`.

    Version history:

    * 1.0: first.

    :param timeout_s: for calls that answer at once.
    :param restore_timeout_s: for those that make a copy of a workload.
    """

    def __init__(
        self,
        transport: rpc.Transport,
        *,
        timeout_s: float = 30.0,
        restore_timeout_s: float = 330.0,
    ) -> None:
        self._client = rpc.get_client(transport, VERSION)
        self._timeout_s = timeout_s
        self._restore_timeout_s = restore_timeout_s

    def get_agent(self, host: str) -> dict[str, Any]:
        """Its capabilities and the workloads on its host."""
        return self._call(host, 'get_agent')

    def plan_migration(
        self, host: str, workload: str, destination: str, mode: str
    ) -> dict[str, Any]:
        """The job as it would be done; nothing is touched.

        :raises PreCheckFailed: with what is in the way.
        """
        return self._call(
            host,
            'plan_migration',
            self._restore_timeout_s,
            workload=workload,
            destination=destination,
            mode=mode,
        )

    def migrate(
        self, host: str, workload: str, destination: str, mode: str
    ) -> dict[str, Any]:
        """Begin to move a workload off ``host``; the job.

        :raises PreCheckFailed: nothing was touched.
        """
        return self._call(
            host,
            'migrate',
            self._restore_timeout_s,
            workload=workload,
            destination=destination,
            mode=mode,
        )

    def list_migrations(self, host: str) -> list[dict[str, Any]]:
        """Every migration that the host remembers, either end."""
        return self._call(host, 'list_migrations')

    def get_migration(self, host: str, migration_id: str) -> dict[str, Any]:
        """One migration as the host knows it, with its progress.

        :raises NotFound: when the host does not know it.
        """
        return self._call(host, 'get_migration', migration_id=migration_id)

    def cancel_migration(self, host: str, migration_id: str) -> None:
        """Ask the source to stop and keep the workload.

        :raises Conflict: when the workload has left for good.
        """
        self._call(host, 'cancel_migration', migration_id=migration_id)

    def give_back(self, host: str, migration_id: str, reason: str) -> None:
        """Run the frozen copy at the source; the destination is dead."""
        self._call(host, 'give_back', migration_id=migration_id, reason=reason)

    def get_offers(self, host: str, driver: str) -> dict[str, Any]:
        """What one driver can do on the host; nothing without it."""
        return self._call(host, 'get_offers', driver=driver)

    def check(self, host: str, job: Mapping[str, Any]) -> None:
        """Let the destination look at the job.

        :raises PreCheckFailed: with what it lacks.
        """
        self._call(host, 'check', job=job)

    def prepare(self, host: str, job: Mapping[str, Any]) -> dict[str, Any]:
        """Make the destination ready; its ticket."""
        return self._call(host, 'prepare', job=job)

    def restore(
        self, host: str, migration_id: str, sent: Mapping[str, Any]
    ) -> str:
        """Let the destination make the copy; its phase."""
        return self._call(
            host,
            'restore',
            self._restore_timeout_s,
            migration_id=migration_id,
            sent=sent,
        )

    def activate(self, host: str, migration_id: str) -> str:
        """Let the destination run its copy; its phase."""
        return self._call(host, 'activate', migration_id=migration_id)

    def status(self, host: str, migration_id: str) -> str:
        """The destination's phase."""
        return self._call(host, 'status', migration_id=migration_id)

    def yield_workload(self, host: str, migration_id: str, reason: str) -> str:
        """Let the destination give an incomplete copy up; its phase."""
        return self._call(
            host,
            'yield_workload',
            migration_id=migration_id,
            reason=reason,
        )

    def finish(self, host: str, migration_id: str) -> None:
        """Let the destination close its journal."""
        self._call(host, 'finish', migration_id=migration_id)

    def control_power(self, host: str, of_host: str, verb: str) -> str:
        """Let the agent ask another host's management controller.

        :param verb: ``on``, ``soft``, ``off`` or ``status``, which is
            answered by ``on`` or ``off``.
        :raises Unreachable: the agent, or the controller, does not answer.
        """
        return str(
            self._call(host, 'control_power', of_host=of_host, verb=verb)
        )

    def suspend_host(self, host: str) -> None:
        """Let a host go to sleep; it may do so before it answers.

        :raises Conflict: there are workloads on it.
        """
        self._call(host, 'suspend_host')

    def _call(
        self,
        host: str,
        method: str,
        timeout_s: float | None = None,
        **arguments: Any,
    ) -> Any:
        # A long call is given up when the agent stops saying that it is at
        # it, as after a restart of the bus: the workload waits meanwhile.
        client = self._client.prepare(
            server=host,
            timeout=timeout_s or self._timeout_s,
            call_monitor_timeout=self._timeout_s if timeout_s else None,
        )
        with rpc.reaching(host):
            return client.call({}, method, **arguments)


class RemotePeer:
    """One host's agent as :class:`ecrae.migration.source.Peer`."""

    def __init__(self, api: AgentAPI, host: str) -> None:
        self._api = api
        self._host = host

    def prepare(self, job: jobs.Job) -> dict[str, Any]:
        """Make it ready."""
        return self._api.prepare(self._host, job.to_dict())

    def restore(self, migration_id: str, sent: Mapping[str, Any]) -> str:
        """Let it make the copy."""
        return self._api.restore(self._host, migration_id, sent)

    def activate(self, migration_id: str) -> str:
        """Let it run the copy."""
        return self._api.activate(self._host, migration_id)

    def status(self, migration_id: str) -> str:
        """Its phase."""
        return self._api.status(self._host, migration_id)

    def yield_workload(self, migration_id: str, reason: str) -> str:
        """Let it give the copy up."""
        return self._api.yield_workload(self._host, migration_id, reason)

    def finish(self, migration_id: str) -> None:
        """Let it close its journal."""
        self._api.finish(self._host, migration_id)
