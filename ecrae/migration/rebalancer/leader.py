# SPDX-License-Identifier: Apache-2.0

"""Which of several rebalancers acts: the one that holds tooz's lock."""

import base64
import socket
import uuid
from typing import Any

from oslo_log import log as logging
from tooz import coordination

from ecrae import exception


LOG = logging.getLogger(__name__)

_LOCK = b'ecrae-rebalancer'


class Leadership:
    """A claim on the lock; the lock is free again when its holder dies.

    :param url: where the lock is, as tooz has it.
    """

    def __init__(self, url: str) -> None:
        self._member = f'{socket.gethostname()}.{uuid.uuid4().hex[:8]}'
        scheme = url.partition(':')[0]
        try:
            self._coordinator = coordination.get_coordinator(
                url, self._member.encode()
            )
            self._coordinator.start(start_heart=True)
            self._lock: Any = self._coordinator.get_lock(_LOCK)
        except Exception as error:
            # Drivers raise what their libraries do, of any kind.
            raise exception.ConfigError(
                f'[ecrae_rebalancer] coordination_url: {scheme} is of no use '
                f'({type(error).__name__}: {error}). Check that it is there, '
                "that this user may use it, and that tooz's package for it "
                'is installed.'
            ) from error
        self._is_held = False

    def claim(self) -> bool:
        """Whether this process leads; it does from now on if nobody did."""
        try:
            held = self.is_held() or self._acquire()
        except coordination.ToozError as error:
            LOG.error('Nobody can be elected: %s', error)
            held = False
        if held != self._is_held:
            LOG.info('%s %s', self._member, 'leads' if held else 'follows')
        self._is_held = held
        return held

    def is_held(self) -> bool:
        """Whether this process still leads."""
        if not self._is_held:
            return False
        try:
            held = bool(self._lock.is_still_owner())
        except NotImplementedError:
            held = _is_alive(self._lock)
        except coordination.ToozError as error:
            LOG.error('The lock cannot be seen: %s', error)
            held = False
        if not held:
            # It still believes to be held and could not be acquired again.
            self._lock = None
            self._is_held = False
            LOG.warning('%s lost the lock, and follows', self._member)
        return held

    def _acquire(self) -> bool:
        if self._lock is None:
            self._lock = self._coordinator.get_lock(_LOCK)
        return bool(self._lock.acquire(blocking=False))

    def resign(self) -> None:
        """Let another lead."""
        try:
            if self._is_held:
                self._lock.release()
            self._coordinator.stop()
        except coordination.ToozError as error:
            LOG.warning('The lock was not given back: %s', error)
        self._is_held = False


def _is_alive(lock: Any) -> bool:
    """Whether a lock that cannot tell is held still.

    MySQL's and PostgreSQL's are held as long as a connection of theirs lives,
    etcd's while its key has their value; they do not notice themselves when
    that ends, and the lock goes to another one.
    """
    connection = getattr(lock, '_conn', None)
    try:
        if connection is not None:
            with connection.cursor() as cursor:
                cursor.execute('SELECT 1')
        elif hasattr(lock, '_uuid'):
            return _has_key(lock)
    except Exception as error:
        # Each library has errors of its own.
        LOG.error('What holds the lock does not answer: %s', error)
        return False
    return bool(getattr(lock, 'acquired', True))


def _has_key(lock: Any) -> bool:
    """Whether the key of an etcd lock has the lock's value."""
    found: list[bytes] = lock._coord.client.get(lock._key)
    return found == [base64.b64decode(lock._uuid)]
