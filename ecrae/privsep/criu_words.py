# SPDX-License-Identifier: Apache-2.0

"""What may be said to criu: its command line, every word checked."""

import ipaddress
import os
import re
from collections.abc import Mapping
from typing import Any

from ecrae import exception


#: The file in which criu writes the restored root's pid.
ROOT = 'root.pid'
VERBS = ('dump', 'pre-dump', 'page-server', 'lazy-pages', 'restore')

_FOLDER = re.compile(
    r'(/[A-Za-z0-9_][\w.-]*)+/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}'
)
_IMAGES = re.compile(r'images(/[0-9]{1,2})?')


def checked_folder(folder: str) -> str:
    """``folder`` if it is one of a migration.

    :raises UsageError: when not.
    """
    if not _FOLDER.fullmatch(folder) or os.path.realpath(folder) != folder:
        raise exception.UsageError(f'{folder!r} is no migration folder.')
    return folder


def images(folder: str, name: str) -> str:
    """The path of a folder of images.

    :raises UsageError: when it is none.
    """
    if not _IMAGES.fullmatch(name):
        raise exception.UsageError(f'{name!r} is no folder of images.')
    return f'{checked_folder(folder)}/{name}'


def _file(path: str) -> str:
    if not os.path.isabs(path) or not os.path.isfile(path):
        raise exception.ConfigError(f'{path!r} is no file.')
    return path


def _endpoint(options: Mapping[str, Any]) -> list[str]:
    address = ipaddress.ip_address(options['address'])
    port = int(options['port'])
    if not 1024 <= port < 65536:
        raise exception.UsageError(f'Port {port} is not in 1024–65535.')
    return ['--address', str(address), '--port', str(port)]


def _tls(options: Mapping[str, Any], *, serves: bool) -> list[str]:
    paths = options.get('tls')
    if not paths:
        return []
    words = ['--tls']
    for name in ('cacert', 'cert', 'key'):
        words += [f'--tls-{name}', _file(paths[name])]
    if 'cacrl' in paths:
        words += ['--tls-cacrl', _file(paths['cacrl'])]
    # criu's server compares the client's name with its own address, which
    # no client has: the only certificate that it is given to trust is that
    # client's. The client does check the server's name.
    return [*words, '--tls-no-cn-verify'] if serves else words


def _pages(verb: str, options: Mapping[str, Any]) -> list[str]:
    """Where pages come from or go to."""
    if 'port' not in options:
        return []
    lazy = bool(options.get('lazy'))
    serves = verb == 'page-server' or (verb == 'dump' and lazy)
    words = _endpoint(options) + _tls(options, serves=serves)
    if verb == 'page-server' or serves:
        return words
    return ['--page-server', *words]


def _tree(verb: str, options: Mapping[str, Any]) -> list[str]:
    """What is said of the processes."""
    words = [
        '--manage-cgroups=ignore',
        '--network-lock=nftables',
        '--tcp-established',
    ]
    if verb != 'restore':
        words += ['--tree', str(int(options['pid']))]
    if verb == 'dump':
        words.append('--leave-stopped')
    if verb == 'restore':
        words.append('--restore-detached')
    if options.get('shell_job'):
        words.append('--shell-job')
    return words


def _rounds(verb: str, options: Mapping[str, Any]) -> list[str]:
    """Which round of a pre-copy this is."""
    words = []
    if options.get('track'):
        words.append('--track-mem')
    if options.get('previous'):
        words += ['--prev-images-dir', f'../{int(options["previous"])}']
        if verb == 'page-server':
            words.append('--auto-dedup')
    return words


def arguments(verb: str, folder: str, options: Mapping[str, Any]) -> list[str]:
    """criu's words for a verb.

    :param folder: the migration's; holds logs and the images' folder.
    :param options: ``images``, ``pid``, ``address``, ``port``, ``tls``
        (cacert, cert, key), ``lazy``, ``track``, ``previous`` (round),
        ``shell_job``, ``has_own_pids``.
    :raises UsageError: when one of them cannot be.
    """
    if verb not in VERBS:
        raise exception.UsageError(f'{verb!r} is not one of {VERBS}.')
    path = images(folder, str(options.get('images', 'images')))
    words = [verb, '--images-dir', path, '-o', f'{folder}/{verb}.log', '-v2']
    if verb in ('dump', 'pre-dump', 'restore'):
        words += _tree(verb, options)
    if verb in ('dump', 'restore') and options.get('lazy'):
        words.append('--lazy-pages')
    if verb == 'restore' and options.get('has_own_pids'):
        words += ['--pidfile', f'{folder}/{ROOT}']
    return words + _pages(verb, options) + _rounds(verb, options)
