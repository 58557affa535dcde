# SPDX-License-Identifier: Apache-2.0

"""TCP connections of other processes."""

import contextlib
import os
import pathlib
import socket
import struct
from collections.abc import Iterator

from ecrae import privsep
from ecrae.privsep import keeper


_PROC = pathlib.Path('/proc')
_TCP_REPAIR = 19
#: Leave repair mode without probing the window: the peer saw no gap.
_REPAIR_OFF = -1
#: Offset of tcpi_bytes_acked in struct tcp_info (linux/tcp.h).
_BYTES_ACKED = 120


def _established(pid: int) -> Iterator[socket.socket]:
    """Established TCP sockets of the process, as duplicates."""
    try:
        paths = list((_PROC / str(pid) / 'fd').iterdir())
    except OSError:
        return  # It ended meanwhile.
    for path in paths:
        if not os.readlink(path).startswith('socket:'):
            continue
        with contextlib.suppress(OSError):
            duplicate = socket.socket(
                fileno=keeper.duplicate(pid, int(path.name))
            )
            with duplicate:
                if (
                    duplicate.family
                    in (
                        socket.AF_INET,
                        socket.AF_INET6,
                    )
                    and duplicate.type == socket.SOCK_STREAM
                ):
                    duplicate.getpeername()
                    yield duplicate


def leave_repair(pid: int) -> None:
    """Let sockets that a killed criu left in repair mode work again."""
    for endpoint in _established(pid):
        with contextlib.suppress(OSError):
            if endpoint.getsockopt(socket.IPPROTO_TCP, _TCP_REPAIR):
                endpoint.setsockopt(
                    socket.IPPROTO_TCP,
                    _TCP_REPAIR,
                    struct.pack('i', _REPAIR_OFF),
                )


@privsep.context.entrypoint
def bytes_sent(pid: int) -> int:
    """Bytes that the peers of a process's TCP sockets have received."""
    total = 0
    for endpoint in _established(pid):
        with contextlib.suppress(OSError, struct.error):
            info = endpoint.getsockopt(
                socket.IPPROTO_TCP, socket.TCP_INFO, 256
            )
            total += struct.unpack_from('=Q', info, _BYTES_ACKED)[0]
    return total
