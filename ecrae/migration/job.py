# SPDX-License-Identifier: Apache-2.0

"""What is to be moved where, as both ends and the journal write it."""

import dataclasses
import enum
import re
from collections.abc import Mapping
from typing import Any

from ecrae import exception


class Mode(enum.StrEnum):
    """How the state gets over; each driver offers some."""

    #: Let the driver take the best that both ends support.
    AUTO = 'auto'
    #: Freeze, copy everything, run there.
    STOP_AND_COPY = 'stop-and-copy'
    #: Copy while running, freeze for the rest.
    PRE_COPY = 'pre-copy'
    #: Run there at once, memory follows on demand.
    POST_COPY = 'post-copy'
    #: Pre-copy for a while, then post-copy for the rest.
    HYBRID = 'pre-copy+post-copy'
    #: Shut down, copy the disk, start there.
    STOPPED = 'stopped'
    #: As the container or VM manager does it while it runs.
    LIVE = 'live'


_WORKLOAD = re.compile(r'(criu|lxd|incus|nova|fake):[A-Za-z0-9][\w.-]{0,62}')
_HOST = re.compile(r'[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?')


def check_workload(name: str) -> str:
    """``name`` if it can be a workload's.

    :raises UsageError: when not; names end in paths and command lines.
    """
    if not _WORKLOAD.fullmatch(name):
        raise exception.UsageError(
            f'{name!r} is no workload: write DRIVER:NAME, where DRIVER is '
            f'criu, lxd, incus or nova and NAME has letters, digits, ".", '
            f'"_" and "-" only.'
        )
    return name


def check_host(name: str) -> str:
    """``name`` if it can be a host's.

    :raises UsageError: when not.
    """
    if not _HOST.fullmatch(name):
        raise exception.UsageError(f'{name!r} is no host name.')
    return name


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One migration of one workload.

    ``needs`` is what the source's driver found the destination must have;
    ``reason`` says why the mode is what it is.
    """

    id: str
    workload: str
    source: str
    destination: str
    mode: Mode
    reason: str = ''
    needs: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        check_workload(self.workload)
        check_host(self.source)
        check_host(self.destination)

    @property
    def driver(self) -> str:
        """Name of the driver that moves it."""
        return self.workload.partition(':')[0]

    @property
    def name(self) -> str:
        """The workload's name within its driver."""
        return self.workload.partition(':')[2]

    def to_dict(self) -> dict[str, Any]:
        """JSON primitives, for the journal and the wire."""
        return {**dataclasses.asdict(self), 'mode': str(self.mode)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> 'Job':
        """The inverse of :meth:`to_dict`; ignores what is not a job's."""
        names = {field.name for field in dataclasses.fields(cls)}
        known = {name: data[name] for name in names if name in data}
        return cls(**{**known, 'mode': Mode(known['mode'])})
