# SPDX-License-Identifier: Apache-2.0

"""The custom volumes that a container has attached, which move with it.

Only while it stands still: they would not match its memory otherwise.
"""

from collections.abc import Iterable
from collections.abc import Mapping
from typing import Any

from pylxd import exceptions as lxd

from ecrae.migration import job as jobs
from ecrae.migration.drivers.containers import daemon as daemons
from ecrae.privsep import storage


#: Drivers whose pools every member of a cluster sees.
_SHARED = ('ceph', 'cephfs', 'cephobject', 'lvmcluster')


def _node(client: Any, pool: str) -> Any:
    return client.api.storage_pools[pool].volumes.custom


def attached(container: Any) -> list[dict[str, str]]:
    """Pool and name of each volume, each once."""
    found = {
        (device['pool'], device['source'])
        for device in container.expanded_devices.values()
        if device['type'] == 'disk'
        and device.get('pool')
        and device.get('source')
    }
    return [{'pool': pool, 'name': name} for pool, name in sorted(found)]


def used_elsewhere(
    client: Any, container: str, wanted: Iterable[Mapping[str, str]]
) -> list[str]:
    """What is to be said of volumes that others use, too."""
    found = []
    for volume in wanted:
        users = _show(client, volume)['used_by']
        others = [
            user
            for user in users
            if user.partition('?')[0].rpartition('/')[2] != container
        ]
        if others:
            found.append(
                f'volume {volume["name"]} is used by {", ".join(others)}, too'
            )
    return found


def _show(client: Any, volume: Mapping[str, str]) -> Any:
    answer = _node(client, volume['pool'])[volume['name']].get()
    return answer.json()['metadata']


def room(
    kind: str, client: Any, container: Any, wanted: list[dict[str, str]]
) -> dict[str, int]:
    """Pool → bytes that the container and its volumes take of it."""
    pools = {
        device['pool']: 0
        for device in container.expanded_devices.values()
        if device.get('pool')
    }
    root = next(
        device['pool']
        for device in container.expanded_devices.values()
        if device['type'] == 'disk' and device.get('path') == '/'
    )
    disk = (container.state().disk or {}).get('root') or {}
    pools[root] += int(disk.get('usage') or 0) or storage.used_bytes(
        kind, root, 'container', container.name
    )
    for volume in wanted:
        pools[volume['pool']] += _reported(
            client, volume
        ) or storage.used_bytes(kind, volume['pool'], 'volume', volume['name'])
    return pools


def _reported(client: Any, volume: Mapping[str, str]) -> int:
    """Bytes that the pool says the volume takes; 0 where it cannot tell."""
    try:
        answer = _node(client, volume['pool'])[volume['name']].state.get()
    except lxd.LXDAPIException:
        return 0
    usage = (answer.json()['metadata'] or {}).get('usage') or {}
    return int(usage.get('used') or 0)


def in_the_way(client: Any, job: jobs.Job) -> list[str]:
    """What keeps the destination from taking the job's volumes."""
    if daemons.is_within_cluster(job):
        return [
            f'volume {volume["name"]} of pool {volume["pool"]} is on the '
            f'other member and cannot follow within the cluster'
            for volume in job.needs['volumes']
            if client.storage_pools.get(volume['pool']).driver not in _SHARED
        ]
    return [
        f'it has a volume {volume["name"]} in pool {volume["pool"]} already'
        for volume in job.needs['volumes']
        if _is_there(client, volume)
    ]


def _is_there(client: Any, volume: Mapping[str, str]) -> bool:
    try:
        _show(client, volume)
    except lxd.NotFound:
        return False
    return True


def offer(client: Any, endpoint: str, job: jobs.Job) -> list[dict[str, Any]]:
    """Let another daemon fetch the volumes; what it is to ask for."""
    found = []
    for volume in job.needs['volumes']:
        facts = _show(client, volume)
        answer = _node(client, volume['pool'])[volume['name']].post(
            json={'name': volume['name'], 'migration': True}
        )
        begun = answer.json()
        operation = begun['operation'].rpartition('/')[2].partition('?')[0]
        found.append(
            {
                'pool': volume['pool'],
                'name': volume['name'],
                'type': 'custom',
                'content_type': facts.get('content_type', 'filesystem'),
                'config': {**facts['config'], daemons.MARK: job.id},
                'source': {
                    'type': 'migration',
                    'mode': 'pull',
                    'operation': f'{endpoint}/1.0/operations/{operation}',
                    'certificate': client.host_info['environment'][
                        'certificate'
                    ],
                    'secrets': begun['metadata']['metadata'],
                },
            }
        )
    return found


def fetch(client: Any, offered: Mapping[str, Any]) -> str:
    """Begin to fetch a volume; the operation."""
    words = {key: each for key, each in offered.items() if key != 'pool'}
    answer = _node(client, offered['pool']).post(json=words)
    return str(answer.json()['operation'])


def drop_fetched(client: Any, job: jobs.Job) -> None:
    """Delete those that this migration brought."""
    for volume in job.needs['volumes']:
        try:
            mark = _show(client, volume)['config'].get(daemons.MARK)
        except lxd.NotFound:
            continue
        if mark == job.id:
            drop(client, volume)


def drop(client: Any, volume: Mapping[str, str]) -> None:
    """Delete a volume; it may be gone already."""
    try:
        _node(client, volume['pool'])[volume['name']].delete()
    except lxd.NotFound:
        return
