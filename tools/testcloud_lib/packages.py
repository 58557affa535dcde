# SPDX-License-Identifier: Apache-2.0

"""The Debian packages that the cloud needs."""

import contextlib
import os
import pathlib
import shutil
import tempfile
from collections.abc import Iterator

from testcloud_lib import progress
from testcloud_lib.errors import CloudError


#: A program that shows that the package is there, by package.
PROGRAMS = {
    'mariadb-server': '/usr/sbin/mariadbd',
    'rabbitmq-server': '/usr/lib/rabbitmq/bin/rabbitmq-server',
}

POLICY = pathlib.Path('/usr/sbin/policy-rc.d')


def missing() -> list[str]:
    """Packages still to install."""
    return [
        package
        for package, program in PROGRAMS.items()
        if not os.access(program, os.X_OK)
    ]


def install(log: pathlib.Path) -> None:
    """Install what is missing, without letting it start.

    :raises CloudError: no apt here, or it failed.
    """
    wanted = missing()
    if not wanted:
        return
    if shutil.which('apt-get') is None:
        raise CloudError(
            f'{", ".join(wanted)} must be installed and this machine has no '
            'apt-get; the test cloud is for Debian and Ubuntu'
        )
    apt = [
        'env',
        'DEBIAN_FRONTEND=noninteractive',
        'apt-get',
        '-q',
        '-o',
        'DPkg::Lock::Timeout=300',
    ]
    with _nothing_starts(log):
        progress.run(progress.as_root([*apt, 'update']), log)
        progress.run(
            progress.as_root(
                [*apt, 'install', '-y', '--no-install-recommends', *wanted]
            ),
            log,
        )


@contextlib.contextmanager
def _nothing_starts(log: pathlib.Path) -> Iterator[None]:
    """Keep packages from starting their services on the usual ports.

    A policy that is there already is left: it is the machine's owner's.
    """
    if POLICY.exists():
        yield
        return
    with tempfile.NamedTemporaryFile('w', suffix='.sh') as script:
        script.write('#!/bin/sh\nexit 101\n')
        script.flush()
        progress.run(
            progress.as_root(
                ['install', '-m', '755', script.name, str(POLICY)]
            ),
            log,
        )
    try:
        yield
    finally:
        progress.run(progress.as_root(['rm', '-f', str(POLICY)]), log)
