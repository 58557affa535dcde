# SPDX-License-Identifier: Apache-2.0

"""Which extra of setup.cfg brings a package that is missing.

The core installs little; a command that needs more says what to install.
"""

import sys
from collections.abc import Callable


#: Extra by the package whose absence is noticed.
EXTRAS = {
    'cryptography': 'agent',
    'heatclient': 'cloud',
    'keystoneauth1': 'cloud',
    'matplotlib': 'simulator',
    'novaclient': 'cloud',
    'openstack': 'cloud',
    'oslo_messaging': 'agent',
    'oslo_privsep': 'agent',
    'oslo_service': 'agent',
    'prometheus_client': 'rebalancer',
    'pylxd': 'agent',
    'tooz': 'rebalancer',
}


def message(
    program: str, error: ModuleNotFoundError, extra: str | None = None
) -> str:
    """What to install, as a sentence.

    :param extra: the one that the whole program needs.
    :raises ModuleNotFoundError: the package is of no extra: a bug, or a
        broken installation.
    """
    package = (error.name or '').partition('.')[0]
    extra = extra or EXTRAS.get(package)
    if extra is None or package == 'ecrae':
        raise error
    return (
        f'{program} needs the Python package {package}: '
        f'pip install "ecrae[{extra}]".'
    )


def run(program: str, extra: str, start: Callable[[], int]) -> int:
    """Exit code of a service; 1 and what to install where it lacks a package.

    :param extra: the one that the service needs.
    """
    try:
        return start()
    except ModuleNotFoundError as error:
        sys.stderr.write(message(program, error, extra) + '\n')
        return 1
