# SPDX-License-Identifier: Apache-2.0

"""A workload's addresses, criu's network lock, the kernel's pipe limit."""

import contextlib
import ipaddress
import pathlib
import re
import shutil
import subprocess

from ecrae import exception
from ecrae import privsep


_DEVICE = re.compile(r'[A-Za-z0-9][\w.-]{0,14}')
_PIPE_LIMIT = pathlib.Path('/proc/sys/fs/pipe-max-size')
#: criu's page server asks for pipes of 3.2 MiB, rounded up by the kernel.
PIPE_BYTES = 4 << 20


def _run(*words: str) -> None:
    program = shutil.which(words[0])
    if program is None:
        raise exception.ConfigError(f'{words[0]} is not installed.')
    done = subprocess.run(  # noqa: S603
        [program, *words[1:]],
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
    )
    if done.returncode:
        raise exception.MigrationError(
            f'{" ".join(words)}: {done.stderr.strip()}'
        )


def _checked(address: str, device: str) -> tuple[str, str]:
    if not _DEVICE.fullmatch(device):
        raise exception.UsageError(f'{device!r} is no network device.')
    return str(ipaddress.ip_interface(address)), device


@privsep.context.entrypoint
def add_address(address: str, device: str) -> None:
    """Take an address over and tell the neighbours."""
    address, device = _checked(address, device)
    _run('ip', 'address', 'replace', address, 'dev', device)
    if ipaddress.ip_interface(address).version == 4:
        with contextlib.suppress(exception.EcraeError):
            plain = address.partition('/')[0]
            _run('arping', '-c', '1', '-A', '-I', device, plain)


@privsep.context.entrypoint
def drop_address(address: str, device: str) -> None:
    """Let an address go; it may be gone already."""
    address, device = _checked(address, device)
    with contextlib.suppress(exception.MigrationError):
        _run('ip', 'address', 'del', address, 'dev', device)


@privsep.context.entrypoint
def unlock(pid: int) -> None:
    """Remove the network lock that criu set for a tree, if it is there."""
    with contextlib.suppress(exception.EcraeError):
        _run('nft', 'delete', 'table', 'inet', f'CRIU-{int(pid)}')


@privsep.context.entrypoint
def raise_pipe_limit() -> None:
    """Let criu's page server have its pipe."""
    if int(_PIPE_LIMIT.read_text()) < PIPE_BYTES:
        _PIPE_LIMIT.write_text(str(PIPE_BYTES))


def pipe_obstacle() -> str:
    """Why post-copy would die at its first page; empty when it would not.

    The limit does not bind who has CAP_SYS_RESOURCE.
    """
    status = pathlib.Path('/proc/self/status').read_text()
    held = re.search(r'^CapBnd:\s*([0-9a-f]+)', status, re.MULTILINE)
    if held and int(held.group(1), 16) >> 24 & 1:
        return ''
    limit = int(_PIPE_LIMIT.read_text())
    if limit >= PIPE_BYTES:
        return ''
    return (
        f'{_PIPE_LIMIT} is {limit} and criu may not pass it: set sysctl '
        f'fs.pipe-max-size={PIPE_BYTES} or [ecrae_agent] raise_pipe_limit'
    )
