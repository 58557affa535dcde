# SPDX-License-Identifier: Apache-2.0

"""What both halves of the criu driver share on one host."""

import dataclasses
import json
import os
import pathlib
import time
from collections.abc import Callable
from collections.abc import Mapping
from typing import Any

from ecrae import exception
from ecrae.migration import channel
from ecrae.migration import job as jobs
from ecrae.privsep import criu


_POLL_S = 0.005


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """Where things are on this host.

    :param state: folder of the migrations' folders.
    :param workloads: folder of the workloads' files.
    :param address: where other hosts reach this one's migration ports.
    """

    name: str
    state: pathlib.Path
    workloads: pathlib.Path
    address: str
    ports: range
    identity: channel.Identity

    def folder(self, job: jobs.Job) -> pathlib.Path:
        """The migration's folder."""
        return self.state / job.id

    def images(self, job: jobs.Job, number: int = 0) -> pathlib.Path:
        """The folder of a round's images; 0: of the only dump."""
        path = self.folder(job) / 'images'
        return path / str(number) if number else path

    def read_workload(self, name: str) -> dict[str, Any]:
        """The workload's file.

        :raises PreCheckFailed: when it is not there or not as it should be.
        """
        path = self.workloads / f'{name}.json'
        try:
            found = json.loads(path.read_text())
            pid = int(found['pid'])
            addresses = [
                {
                    'address': str(item['address']),
                    'device': str(item['device']),
                }
                for item in found.get('addresses', [])
            ]
        except FileNotFoundError:
            raise exception.PreCheckFailed(
                f'{self.name} has no workload criu:{name}: there is no {path}.'
            ) from None
        except (ValueError, KeyError, TypeError) as error:
            raise exception.PreCheckFailed(
                f'{path} must be {{"pid": N, "addresses": [{{"address": '
                f'"A/LEN", "device": "D"}}]}}: {error}'
            ) from error
        return {'pid': pid, 'addresses': addresses}

    def write_workload(self, name: str, facts: Mapping[str, Any]) -> None:
        """Make or replace the workload's file."""
        path = self.workloads / f'{name}.json'
        draft = path.with_suffix('.draft')
        draft.write_text(json.dumps(facts))
        draft.replace(path)

    def drop_workload(self, name: str) -> None:
        """Delete the workload's file; it may be gone already."""
        (self.workloads / f'{name}.json').unlink(missing_ok=True)


def has_own_pids(job: jobs.Job) -> bool:
    """Whether the tree is in a pid namespace of its own."""
    return 'pid' in job.needs['namespaces']


def images_name(number: int) -> str:
    """A round's folder below the migration's."""
    return f'images/{number}' if number else 'images'


def make_images(host: Host, job: jobs.Job, number: int = 0) -> None:
    """Make a folder for images of the agent's user."""
    criu.make_images(str(host.folder(job)), images_name(number), user())


def wait_ready(pid: int, folder: pathlib.Path, verb: str) -> None:
    """Return once a started server takes connections.

    :raises TransferFailed: when it ended instead, or takes too long.
    """
    deadline = time.monotonic() + 30.0
    while not criu.is_ready(pid):
        if criu.result(pid) is not None or time.monotonic() > deadline:
            raise exception.TransferFailed(
                f'criu {verb}: {criu.complaint(str(folder), verb)}'
            )
        time.sleep(_POLL_S)


def wait_end(
    pid: int,
    folder: pathlib.Path,
    verb: str,
    timeout_s: float,
    *,
    obstacle: Callable[[], str] = str,
) -> None:
    """Return once a started criu has ended well.

    :param obstacle: why it cannot end well any more, empty while it may;
        asked again and again.
    :raises TransferFailed: when it failed, is not done in time or works in
        vain.
    """
    deadline = time.monotonic() + timeout_s
    while (code := criu.result(pid)) is None:
        why = obstacle()
        if why:
            raise exception.TransferFailed(f'criu {verb}: {why}')
        if time.monotonic() > deadline:
            raise exception.TransferFailed(
                f'criu {verb} is not done after {timeout_s:g} s.'
            )
        time.sleep(_POLL_S)
    if code:
        raise exception.TransferFailed(
            f'criu {verb}: {criu.complaint(str(folder), verb)}'
        )


def user() -> int:
    """The agent's user, who sends and receives images."""
    return os.getuid()
