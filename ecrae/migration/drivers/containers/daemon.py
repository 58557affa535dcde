# SPDX-License-Identifier: Apache-2.0

"""The LXD or Incus of this host, over its Unix socket."""

import contextlib
import pathlib
from collections.abc import Iterator
from typing import Any

import pylxd
from pylxd import exceptions as lxd

from ecrae import exception
from ecrae.migration import job as jobs


#: Marks the copy that a migration made, so that no other is deleted.
MARK = 'user.ecrae.migration'
RUNNING = 'Running'
_SOCKETS = {
    'lxd': (
        '/var/lib/lxd/unix.socket',
        '/var/snap/lxd/common/lxd/unix.socket',
    ),
    'incus': ('/var/lib/incus/unix.socket',),
}


def membership(client: Any) -> dict[str, str]:
    """The daemon's cluster and its name in it; nothing without one.

    Members of a cluster share its certificate.
    """
    environment = client.host_info['environment']
    if not environment.get('server_clustered'):
        return {}
    return {
        'cluster': environment['certificate_fingerprint'],
        'member': environment['server_name'],
    }


def is_here(client: Any, container: Any) -> bool:
    """Whether it is this member's, of all that the cluster has."""
    member = membership(client).get('member')
    return member is None or bool(container.location == member)


def is_within_cluster(job: jobs.Job) -> bool:
    """Whether both ends are members of one cluster."""
    return 'members' in job.needs


class Daemon:
    """The LXD or Incus of this host.

    :param kind: ``lxd`` or ``incus``.
    :param endpoint: URL at which other hosts' daemons reach this one.
    """

    def __init__(self, kind: str, host: str, endpoint: str) -> None:
        self.kind = kind
        self.host = host
        self.endpoint = endpoint

    @property
    def client(self) -> Any:
        """A connection.

        :raises ConfigError: when no daemon answers.
        """
        for path in _SOCKETS[self.kind]:
            if pathlib.Path(path).exists():
                with self.speaking():
                    return pylxd.Client(endpoint=path)
        raise exception.ConfigError(
            f'{self.host} has no {self.kind}: there is no '
            f'{" or ".join(_SOCKETS[self.kind])}.'
        )

    @contextlib.contextmanager
    def speaking(self) -> Iterator[None]:
        """Turn what the daemon refuses into our error."""
        try:
            yield
        except (lxd.LXDAPIException, lxd.ClientConnectionFailed) as error:
            raise exception.TransferFailed(
                f'{self.kind} on {self.host}: {error}'
            ) from error

    def find(self, name: str) -> Any:
        """The container; None when there is none on this host."""
        client = self.client
        found = self._get(client, name)
        if found is None or not is_here(client, found):
            return None
        return found

    def is_taken(self, name: str) -> bool:
        """Whether a container has the name, here or on another member."""
        return self._get(self.client, name) is not None

    def _get(self, client: Any, name: str) -> Any:
        with self.speaking():
            try:
                return client.instances.get(name)
            except lxd.NotFound:
                return None

    def move(
        self, name: str, member: str, *, is_live: bool, timeout_s: float
    ) -> None:
        """Let the cluster move the container to one of its members.

        :raises TransferFailed: when it has not, in time.
        """
        with self.speaking():
            answer = self.client.api.instances[name].post(
                json={'name': name, 'migration': True, 'live': is_live},
                params={'target': member},
            )
        self.wait(answer.json()['operation'], timeout_s)

    def is_busy_with(self, name: str) -> bool:
        """Whether an operation on the container is under way."""
        with self.speaking():
            answer = self.client.api.operations.get(params={'recursion': 1})
        running = answer.json()['metadata'].get('running') or []
        return any(
            path.split('?')[0].endswith(f'/{name}')
            for operation in running
            for paths in (operation.get('resources') or {}).values()
            for path in paths or ()
        )

    def wait(self, operation: str, timeout_s: float) -> None:
        """Return once a background operation has succeeded.

        :raises TransferFailed: when it has not, in time.
        """
        with self.speaking():
            answer = self.client.api.operations[
                operation.split('/')[3].partition('?')[0]
            ].wait.get(params={'timeout': int(timeout_s)})
        done = answer.json()['metadata']
        if done['status'] != 'Success':
            raise exception.TransferFailed(
                f'{self.kind} on {self.host}: {done["status"]}: '
                f'{done.get("err") or "not done in time"}'
            )
