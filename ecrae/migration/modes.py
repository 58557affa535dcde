# SPDX-License-Identifier: Apache-2.0

"""Which mode to take, and why: the best that both ends support."""

from collections.abc import Mapping
from typing import Any

from ecrae import exception
from ecrae.migration import job as jobs


#: Least downtime first. Post-copy comes before the mix of both because its
#: downtime does not depend on how fast the workload dirties its memory.
PREFERENCE = (
    jobs.Mode.POST_COPY,
    jobs.Mode.HYBRID,
    jobs.Mode.PRE_COPY,
    jobs.Mode.LIVE,
    jobs.Mode.STOP_AND_COPY,
    jobs.Mode.STOPPED,
)

#: A driver's capabilities of one host: mode → '' or why it cannot.
Modes = Mapping[str, str]


def _obstacles(mode: jobs.Mode, ends: Mapping[str, Modes]) -> dict[str, str]:
    found = {}
    for host, modes in ends.items():
        obstacle = modes.get(mode, 'its driver does not offer it')
        if obstacle:
            found[host] = obstacle
    return found


def _sentence(mode: jobs.Mode, obstacles: Mapping[str, str]) -> str:
    where = ', '.join(f'{host}: {why}' for host, why in obstacles.items())
    return f'no {mode} ({where})'


def choose(
    wanted: jobs.Mode, ends: Mapping[str, Mapping[str, Any]]
) -> tuple[jobs.Mode, str]:
    """The mode to use and the reason.

    :param ends: host → its capabilities of the driver, with ``modes``.
    :raises PreCheckFailed: when an end cannot do ``wanted``, or with
        ``auto`` when there is no mode that every end can do.
    """
    modes = {host: offers.get('modes', {}) for host, offers in ends.items()}
    if wanted is not jobs.Mode.AUTO:
        obstacles = _obstacles(wanted, modes)
        if obstacles:
            raise exception.PreCheckFailed(
                f'Cannot migrate by {wanted}: {_sentence(wanted, obstacles)}.'
            )
        return wanted, 'asked for'
    refused: list[str] = []
    for mode in PREFERENCE:
        if not any(mode in offered for offered in modes.values()):
            continue
        obstacles = _obstacles(mode, modes)
        if not obstacles:
            best = f'best that {" and ".join(modes)} support'
            return mode, '; '.join([best, *refused])
        refused.append(_sentence(mode, obstacles))
    raise exception.PreCheckFailed(
        f'No mode works between {" and ".join(modes)}: '
        f'{"; ".join(refused) or "neither has the driver"}.'
    )
