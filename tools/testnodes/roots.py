# SPDX-License-Identifier: Apache-2.0

"""Debian trees for the nodes, made once by mmdebstrap and cached.

Userland is trixie's. CRIU comes from sid, pinned so that nothing else
does: trixie's cannot dump TCP sockets on kernels with SO_PASSCRED changes,
bookworm's cannot run on kernels after 6.11 at all.
"""

import hashlib
import os
import pathlib
import shutil
import subprocess


#: What any node needs; Python's libraries let it run the host's own
#: interpreter, which is mounted in.
BASE = (
    'ca-certificates',
    'iproute2',
    'iptables',
    'iputils-arping',
    'libbz2-1.0',
    'libffi8',
    'libsqlite3-0',
    'libssl3t64',
    'nftables',
    'procps',
    'python3-minimal',
    'tini',
)
INCUS = (
    *BASE,
    'busybox-static',
    'incus',
    'ipmitool',
    'rsync',
    'xz-utils',
)
LXD = (*BASE, 'busybox-static', 'lxd', 'rsync', 'xz-utils')

_SID = 'deb http://deb.debian.org/debian sid main'
_PIN = r'Package: *\nPin: release n=sid\nPin-Priority: 50\n'


class LacksError(RuntimeError):
    """This machine lacks something that nodes need; the message says what."""


def cache_dir() -> pathlib.Path:
    """Where finished trees are kept between runs."""
    default = pathlib.Path('/var/cache/ecrae/testnodes')
    return pathlib.Path(os.environ.get('ECRAE_TESTNODES_CACHE', default))


def install(package: str, program: str) -> None:
    """Install a Debian package of this machine unless ``program`` is there.

    :raises LacksError: where that cannot be done.
    """
    if shutil.which(program) is not None:
        return
    if os.geteuid() or shutil.which('apt-get') is None:
        raise LacksError(f'install {package}')
    apt = ['apt-get', '-q', '-o', 'DPkg::Lock::Timeout=300']
    environment = {**os.environ, 'DEBIAN_FRONTEND': 'noninteractive'}
    for words in (
        ['update'],
        ['install', '-y', '--no-install-recommends', package],
    ):
        done = subprocess.run(
            [*apt, *words],
            check=False,
            capture_output=True,
            text=True,
            env=environment,
        )
    if done.returncode:
        raise LacksError(f'install {package}: {done.stderr[-500:]}')


def _hooks() -> list[str]:
    apt = 'chroot "$1" apt-get -q -o Acquire::Check-Valid-Until=false'
    commands = (
        f'printf "{_PIN}" > "$1/etc/apt/preferences.d/sid"',
        f'echo "{_SID}" > "$1/etc/apt/sources.list.d/sid.list"',
        f'{apt} update',
        f'{apt} install -y --no-install-recommends criu/sid',
    )
    return [f'--customize-hook={command}' for command in commands]


def build(packages: tuple[str, ...] = BASE) -> pathlib.Path:
    """Path of a tree with ``packages`` and CRIU, made if not cached."""
    if os.geteuid():
        raise LacksError('nodes need root')
    install('mmdebstrap', program='mmdebstrap')
    install('iproute2', program='tc')
    install('util-linux', program='nsenter')
    recipe = repr((packages, _hooks()))
    name = hashlib.sha256(recipe.encode()).hexdigest()[:12]
    tree = cache_dir() / name
    if tree.is_dir():
        return tree
    tree.parent.mkdir(parents=True, exist_ok=True)
    draft = tree.with_suffix(f'.{os.getpid()}')
    command = [
        'mmdebstrap',
        '--variant=minbase',
        '--mode=root',
        '--quiet',
        '--aptopt=Acquire::Check-Valid-Until "false"',
        '--dpkgopt=force-unsafe-io',
        '--dpkgopt=path-exclude=/usr/share/doc/*',
        '--dpkgopt=path-exclude=/usr/share/man/*',
        '--dpkgopt=path-exclude=/usr/share/locale/*',
        f'--include={",".join(packages)}',
        *_hooks(),
        'trixie',
        str(draft),
    ]
    try:
        with (tree.parent / f'{name}.log').open('wb') as out:
            subprocess.run(command, check=True, stdout=out, stderr=out)
        draft.rename(tree)
    except (subprocess.CalledProcessError, OSError) as error:
        shutil.rmtree(draft, ignore_errors=True)
        raise LacksError(
            f'mmdebstrap could not make {tree}: see {tree}.log'
        ) from error
    return tree
