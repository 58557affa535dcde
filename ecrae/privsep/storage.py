# SPDX-License-Identifier: Apache-2.0

"""What containers' disks hold, where their daemon cannot tell."""

import os
import re

from ecrae import exception
from ecrae import privsep


#: Where a daemon keeps its storage pools.
_POOLS = {
    'incus': '/var/lib/incus/storage-pools',
    'lxd': '/var/lib/lxd/storage-pools',
}
#: What there is of a container, and of a custom volume, below a pool.
_PLACES = {
    'container': ('containers/{}', 'containers-snapshots/{}'),
    'volume': ('custom/default_{}', 'custom-snapshots/default_{}'),
}
_NAME = re.compile(r'[A-Za-z0-9][\w.-]{0,62}')


def _held(top: str) -> int:
    """Bytes of all files below; those with several names count once."""
    seen = set()
    total = 0
    for folder, _, names in os.walk(top):
        for name in names:
            status = os.lstat(os.path.join(folder, name))
            if (status.st_dev, status.st_ino) not in seen:
                seen.add((status.st_dev, status.st_ino))
                total += status.st_blocks * 512
    return total


@privsep.context.entrypoint
def used_bytes(kind: str, pool: str, noun: str, name: str) -> int:
    """What a container or volume of a ``dir`` pool takes, with snapshots.

    :param kind: ``lxd`` or ``incus``.
    :param noun: ``container`` or ``volume``.
    :raises UsageError: when there can be no such thing.
    """
    if kind not in _POOLS or noun not in _PLACES:
        raise exception.UsageError(f'{kind!r} has no {noun!r}.')
    for each in (pool, name):
        if not _NAME.fullmatch(each):
            raise exception.UsageError(f'{each!r} is no name.')
    return sum(
        _held(f'{_POOLS[kind]}/{pool}/{place.format(name)}')
        for place in _PLACES[noun]
    )
