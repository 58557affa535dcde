# SPDX-License-Identifier: Apache-2.0

"""Power of whole machines: other hosts' by ipmitool, this one's by systemd.

Addresses and credentials of management controllers come from a file that
only this process can read; nothing of it leaves the process but through
ipmitool's environment. A caller names a host that the file has, never an
address: nobody can have the credentials sent elsewhere.
"""

import configparser
import dataclasses
import ipaddress
import os
import re
import shutil
import stat
import subprocess
from collections.abc import Mapping

from ecrae import exception
from ecrae import privsep


#: What can be asked of a controller → ipmitool's words for it.
VERBS: Mapping[str, tuple[str, ...]] = {
    'on': ('power', 'on'),
    'soft': ('power', 'soft'),
    'off': ('power', 'off'),
    'status': ('power', 'status'),
}

#: Ways in which this host can sleep, as systemctl calls them.
SLEEPS = ('suspend', 'hibernate', 'poweroff')

_STATUS = re.compile(r'Chassis Power is (on|off)')
_NAME = re.compile(r'[A-Za-z0-9]([\w.-]{0,251}[A-Za-z0-9])?')
_TIMEOUT_S = 25


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Controller:
    address: str
    user: str
    password: str = dataclasses.field(repr=False)
    cipher_suite: str


@privsep.context.entrypoint
def control_power(path: str, host: str, verb: str) -> str:
    """Ask a host's management controller; ``on`` or ``off`` for a status.

    :param path: the file of controllers.
    :raises UsageError: there is no such verb.
    :raises ConfigError: the file cannot be used, or ipmitool is missing.
    :raises NotFound: the file does not have the host.
    :raises Unreachable: the controller refused or did not answer.
    """
    if verb not in VERBS:
        raise exception.UsageError(
            f'{verb!r} is nothing to ask of a management controller; there '
            f'are {", ".join(VERBS)}.'
        )
    said = _ipmitool(host, _controller(path, host), VERBS[verb])
    if verb != 'status':
        return ''
    match = _STATUS.search(said)
    if match is None:
        raise exception.Unreachable(
            f'The management controller of {host} does not tell its power.'
        )
    return match.group(1)


@privsep.context.entrypoint
def sleep(method: str) -> None:
    """Let this host go to sleep; returns before it does.

    :raises UsageError: there is no such method.
    :raises ConfigError: systemd is not there, or refuses.
    """
    if method not in SLEEPS:
        raise exception.UsageError(
            f'{method!r} is no way to sleep; there are {", ".join(SLEEPS)}.'
        )
    done = _run([_program('systemctl'), '--no-block', method], {})
    if done.returncode:
        raise exception.ConfigError(
            f'systemctl {method}: {done.stderr.strip()}'
        )


def _ipmitool(host: str, held: _Controller, words: tuple[str, ...]) -> str:
    # The environment is its owner's to read; the command line is anyone's.
    try:
        done = _run(
            [
                _program('ipmitool'),
                *('-I', 'lanplus', '-C', held.cipher_suite),
                *('-N', '2', '-R', '3'),
                *('-H', held.address, '-U', held.user, '-E'),
                *words,
            ],
            {'IPMI_PASSWORD': held.password},
        )
    except subprocess.TimeoutExpired:
        raise exception.Unreachable(
            f'The management controller of {host} did not answer within '
            f'{_TIMEOUT_S} s.'
        ) from None
    if done.returncode:
        # ipmitool never quotes the password; cut it out all the same.
        said = done.stderr.strip().replace(held.password, '***')
        raise exception.Unreachable(
            f'The management controller of {host}: '
            f'{said or f"ipmitool ended with {done.returncode}"}'
        )
    return done.stdout


def _run(
    command: list[str], environment: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603
        command,
        capture_output=True,
        text=True,
        check=False,
        timeout=_TIMEOUT_S,
        stdin=subprocess.DEVNULL,
        env={'PATH': os.environ.get('PATH', ''), 'LC_ALL': 'C', **environment},
    )


def _program(name: str) -> str:
    program = shutil.which(name)
    if program is None:
        raise exception.ConfigError(f'{name} is not installed.')
    return program


def _controller(path: str, host: str) -> _Controller:
    if not _NAME.fullmatch(host):
        raise exception.UsageError(f'{host!r} is no host name.')
    found = configparser.ConfigParser(interpolation=None)
    try:
        found.read_string(_read_private(path))
    except configparser.Error as error:
        # Its own words may quote a line, and a line may be a password.
        raise exception.ConfigError(
            f'{path} is not an INI file ({type(error).__name__}).'
        ) from None
    if not found.has_section(host):
        raise exception.NotFound(
            f'{path} has no section [{host}] for its management controller.'
        )
    section = found[host]
    missing = {'address', 'user', 'password'} - set(section)
    if missing:
        raise exception.ConfigError(
            f'{path} [{host}] lacks {", ".join(sorted(missing))}.'
        )
    return _Controller(
        address=_address(path, host, section['address']),
        user=section['user'],
        password=section['password'],
        cipher_suite=str(section.getint('cipher_suite', 17)),
    )


def _address(path: str, host: str, text: str) -> str:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        if _NAME.fullmatch(text):
            return text
    raise exception.ConfigError(
        f'{path} [{host}] address is neither an IP address nor a name.'
    )


def _read_private(path: str) -> str:
    """A file that nobody else can read or could have written."""
    try:
        with open(path, encoding='utf-8') as file:
            facts = os.fstat(file.fileno())
            if facts.st_uid != os.geteuid() or facts.st_mode & (
                stat.S_IRWXG | stat.S_IRWXO
            ):
                raise exception.ConfigError(
                    f'{path} must be readable by root alone: chown root, '
                    f'chmod 0600.'
                )
            return file.read()
    except (OSError, UnicodeDecodeError) as error:
        raise exception.ConfigError(
            f'{path} cannot be read: {getattr(error, "strerror", error)}.'
        ) from None
