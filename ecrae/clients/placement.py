# SPDX-License-Identifier: Apache-2.0

"""How much room Placement would still give out on each host.

Placement lists inventories one provider at a time. Its allocation candidates
for the smallest request come with the capacity, use and traits of *every*
provider that could serve it, in one answer: that is the bulk read here. Only
hosts that are full to the last MiB are missing from it, and are asked for
one by one.
"""

import dataclasses
import math
from collections.abc import Iterable
from collections.abc import Mapping
from typing import Any

from keystoneauth1 import adapter
from keystoneauth1 import exceptions as auth_exceptions

from ecrae.clients import failures
from ecrae.clients.session import Connection


#: Provider summaries hold all classes and the root's identity (Queens).
MICROVERSION = '1.29'

#: Every compute host has memory and none gives out less than 1 MiB.
SMALLEST_REQUEST = '/allocation_candidates?resources=MEMORY_MB:1'


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """A provider's state; capacities have ratios and reserves applied."""

    vcpus_used: float
    vcpus_free: float
    memory_free_mib: float
    #: Infinite for a host whose disks are not Placement's business.
    disk_free_gib: float
    traits: tuple[str, ...]


def list_rooms(
    connection: Connection, provider_uuids: Iterable[str]
) -> dict[str, Room]:
    """Room on each provider, by UUID; a provider without inventory is absent.

    :raises Forbidden: the account may not look into Placement.
    :raises CloudError: Placement failed.
    """
    api = _api(connection)
    with failures.reported('Placement', 'list allocation candidates'):
        summaries = api.get(SMALLEST_REQUEST).json()['provider_summaries']
    rooms = {}
    for uuid in provider_uuids:
        if uuid in summaries:
            summary = summaries[uuid]
        else:
            with failures.reported('Placement', 'show a resource provider'):
                summary = _summary(api, uuid)
        if summary['resources']:
            rooms[uuid] = _room(summary)
    return rooms


def list_consumers(connection: Connection, provider_uuid: str) -> list[str]:
    """Who has allocations on a provider.

    :raises CloudError: Placement failed.
    """
    with failures.reported('Placement', 'list allocations'):
        answer = _api(connection).get(
            f'/resource_providers/{provider_uuid}/allocations'
        )
    return list(answer.json()['allocations'])


def _api(connection: Connection) -> adapter.Adapter:
    return connection.api('placement', default_microversion=MICROVERSION)


def _room(summary: Mapping[str, Any]) -> Room:
    resources = summary['resources']

    def free(resource_class: str, default: float) -> float:
        found = resources.get(resource_class)
        if found is None:
            return default
        return float(max(0, found['capacity'] - found['used']))

    # Dedicated CPUs are CPUs: a host may offer one class, or both.
    cpu_classes = [name for name in ('VCPU', 'PCPU') if name in resources]
    return Room(
        vcpus_used=float(sum(resources[name]['used'] for name in cpu_classes)),
        vcpus_free=sum(free(name, 0.0) for name in cpu_classes),
        memory_free_mib=free('MEMORY_MB', 0.0),
        disk_free_gib=free('DISK_GB', math.inf),
        traits=tuple(sorted(summary['traits'])),
    )


def _summary(api: adapter.Adapter, uuid: str) -> dict[str, Any]:
    """What a provider summary says, for a provider that made no candidate."""
    base = f'/resource_providers/{uuid}'
    try:
        inventories = api.get(f'{base}/inventories').json()['inventories']
    except auth_exceptions.NotFound:
        return {'resources': {}, 'traits': []}
    usages = api.get(f'{base}/usages').json()['usages']
    return {
        'resources': {
            name: {
                'capacity': int(
                    (found['total'] - found['reserved'])
                    * found['allocation_ratio']
                ),
                'used': usages.get(name, 0),
            }
            for name, found in inventories.items()
        },
        'traits': api.get(f'{base}/traits').json()['traits'],
    }
