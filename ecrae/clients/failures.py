# SPDX-License-Identifier: Apache-2.0

"""What an OpenStack API's refusal means to the person who reads it.

Every call of a client library runs below :func:`reported`, which turns
whatever the library raises into a :class:`~ecrae.exception.CloudError` that
names the service, what was asked of it and what to check. Nothing of the
request is quoted, so no secret can get into a message.
"""

import contextlib
import re
from collections.abc import Iterator

from heatclient import exc as heat_exceptions
from keystoneauth1 import exceptions as auth_exceptions
from novaclient import exceptions as nova_exceptions
from oslo_utils import strutils

from ecrae import exception


LIBRARY_ERRORS = (
    auth_exceptions.ClientException,
    heat_exceptions.BaseException,
    nova_exceptions.ClientException,
    nova_exceptions.UnsupportedVersion,
)

#: Longest piece of a service's own message that is passed on.
MAX_MESSAGE = 2000

_URL = re.compile(r'https?://[^\s\'"<>]+')
_USERINFO = re.compile(r'(?<=://)[^/@\s]*@')


@contextlib.contextmanager
def reported(service: str, operation: str) -> Iterator[None]:
    """Run calls of a client library.

    :param service: as an operator calls it, such as ``Nova``.
    :param operation: what is asked, such as ``list hypervisors``.
    :raises CloudError: the service refused, failed or is not there;
        :class:`~ecrae.exception.Forbidden` when its policy refused.
    """
    try:
        yield
    except LIBRARY_ERRORS as error:
        raise _translated(service, operation, error) from error


def _translated(
    service: str, operation: str, error: Exception
) -> exception.CloudError:
    status = _status(error)
    if status == 403:
        return exception.Forbidden(
            f'{service} does not let this account {operation} (HTTP 403). '
            "Check the account's roles and the service's policy.",
        )
    if status == 401:
        reason = (
            'the credentials were refused (HTTP 401). Check the user, '
            'password, project and domains in OS_*, clouds.yaml or '
            '[ecrae_cloud].'
        )
    else:
        reason = _connection_reason(error) or _first_line(error)
    return exception.CloudError(
        f'{service} could not {operation}: {reason}', status=status
    )


def _status(error: Exception) -> int | None:
    for name in ('http_status', 'code'):
        value = getattr(error, name, None)
        if isinstance(value, int):
            return value
    return None


def _connection_reason(error: Exception) -> str:
    if isinstance(
        error,
        auth_exceptions.CatalogException
        | auth_exceptions.DiscoveryFailure
        | auth_exceptions.MissingAuthPlugin,
    ):
        return (
            'no usable endpoint is in the service catalogue. Check that the '
            'service is installed, and the region and the interface asked '
            'for.'
        )
    if isinstance(
        error,
        auth_exceptions.ConnectionError | heat_exceptions.CommunicationError,
    ):
        found = _URL.search(str(error))
        where = _clean(found.group().rstrip(':.,')) if found else 'the service'
        return (
            f'{where} does not answer. Check that the service runs there '
            'and that its certificate is trusted.'
        )
    return ''


def _first_line(error: Exception) -> str:
    lines = _clean(str(error)).removeprefix('ERROR: ').strip().splitlines()
    if not lines:
        return f'it failed with {type(error).__name__}.'
    return lines[0][:MAX_MESSAGE]


def _clean(text: str) -> str:
    return str(strutils.mask_password(_USERINFO.sub('***@', text)))
