# SPDX-License-Identifier: Apache-2.0

"""The message bus: where agents are called and errors come back from.

``[DEFAULT] transport_url`` says which. Errors of :mod:`ecrae.exception`
arrive as what they were; anything else is a remote error.
"""

import contextlib
import functools
import warnings
from collections.abc import Callable
from collections.abc import Iterator
from typing import Any
from typing import TypeVar
from typing import cast

from oslo_config import cfg
from oslo_service import backend

from ecrae import exception


# oslo.messaging imports oslo.service, whose default is eventlet; futurist
# imports that wherever it is installed, and whoever typed a command is warned.
backend.register_backend_default_hook(lambda: backend.BackendType.THREADING)
with warnings.catch_warnings():
    warnings.filterwarnings('ignore', message=r'\s*Eventlet is deprecated')
    import oslo_messaging as messaging


TOPIC = 'ecrae-agent'

Transport = messaging.Transport
Target = messaging.Target

_Method = TypeVar('_Method', bound=Callable[..., Any])

#: What oslo.messaging looks for in the configuration it is given, but
#: registers in the global one only.
_EXTRAS = ('metrics', 'tracing')


def get_transport(conf: cfg.ConfigOpts) -> messaging.Transport:
    """The bus of ``[DEFAULT] transport_url``.

    :raises ConfigError: when it is no URL of a transport.
    """
    _register_extras(conf)
    try:
        return messaging.get_rpc_transport(
            conf, allowed_remote_exmods=['ecrae.exception']
        )
    except (
        messaging.DriverLoadFailure,
        messaging.InvalidTransportURL,
    ) as error:
        raise exception.ConfigError(
            f'[DEFAULT] transport_url is of no use: {error}; write '
            f'rabbit://USER:PASSWORD@HOST:5672/.'
        ) from error


def get_notifier(conf: cfg.ConfigOpts, publisher: str) -> messaging.Notifier:
    """For telling whoever listens; ``[oslo_messaging_notifications]``.

    :raises ConfigError: when its URL is none of a transport.
    """
    _register_extras(conf)
    try:
        transport = messaging.get_notification_transport(conf)
    except (
        messaging.DriverLoadFailure,
        messaging.InvalidTransportURL,
    ) as error:
        raise exception.ConfigError(
            f'[oslo_messaging_notifications] transport_url is of no use: '
            f'{error}; write rabbit://USER:PASSWORD@HOST:5672/.'
        ) from error
    return messaging.Notifier(transport, publisher_id=publisher)


def _register_extras(conf: cfg.ConfigOpts) -> None:
    for name in _EXTRAS:
        option = cfg.BoolOpt(f'{name}_enabled', default=False)
        conf.register_opt(option, group=f'oslo_messaging_{name}')


def get_client(
    transport: messaging.Transport, version: str
) -> messaging.RPCClient:
    """For calling agents; ``prepare(server=HOST)`` says whose."""
    target = messaging.Target(topic=TOPIC, version=version)
    return messaging.get_rpc_client(
        transport, target, serializer=messaging.JsonPayloadSerializer()
    )


def get_server(
    transport: messaging.Transport, host: str, manager: Any
) -> messaging.MessageHandlingServer:
    """Serves the methods of ``manager`` to calls for ``host``."""
    return messaging.get_rpc_server(
        transport,
        messaging.Target(topic=TOPIC, server=host),
        [manager],
        serializer=messaging.JsonPayloadSerializer(),
        access_policy=messaging.DefaultRPCAccessPolicy,
    )


@contextlib.contextmanager
def reaching(host: str) -> Iterator[None]:
    """Turn the bus's troubles with ``host`` into our errors.

    :raises Unreachable: no answer came; the call may have been carried out.
    """
    try:
        yield
    except (
        messaging.MessagingTimeout,
        messaging.MessageDeliveryFailure,
        messaging.MessageUndeliverable,
    ) as error:
        raise exception.Unreachable(
            f'The agent of {host} does not answer ({type(error).__name__}).'
        ) from error
    except exception.EcraeError as error:
        raise _plain(error) from None
    except Exception as error:
        # Whatever a remote method can raise is raised here.
        raise exception.MigrationError(
            f'The agent of {host} failed: {type(error).__name__}: '
            f'{_words(error)}'
        ) from error


def _words(error: Exception) -> str:
    """What it says, without the traceback that came with it."""
    # Not str(), by which a KeyError quotes all of it.
    text = ' '.join(map(str, error.args)) or str(error)
    return text.partition('\nTraceback (most recent call last)')[0].strip()


def _plain(error: exception.EcraeError) -> exception.EcraeError:
    """The error as it was raised, without the remote traceback in it."""
    kind = next(
        kind
        for kind in type(error).__mro__
        if kind.__module__ == exception.__name__
    )
    plain: exception.EcraeError = kind(_words(error))
    return plain


def answers(method: _Method) -> _Method:
    """Our errors are answers; any other is logged here with its traceback."""
    expecting = messaging.expected_exceptions(exception.EcraeError)
    return cast(_Method, functools.wraps(method)(expecting(method)))
