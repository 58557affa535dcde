# SPDX-License-Identifier: Apache-2.0

"""The one reading of the knowledge base that a process's plugins share.

nova-scheduler builds its plugins in a parent process and then forks its
workers, and neither a thread nor a database connection survives that. So
nothing starts before the first request, which a worker serves, and a forked
process makes a keeper of its own.
"""

import os
import threading
from collections.abc import Callable

from ecrae.conf import energy
from ecrae.kb import db
from ecrae.kb import knowledge as kb_knowledge
from ecrae.kb import readings
from ecrae.model.reading import Subject
from ecrae.scheduler_filters.keeper import Facts
from ecrae.scheduler_filters.keeper import Keeper
from ecrae.scheduler_filters.keeper import View
from ecrae.scheduler_filters.options import CONF


def _reader(connection: str) -> Callable[[], Facts]:
    """Reads the database, which it opens when first called."""
    database: db.Database | None = None

    def read() -> Facts:
        nonlocal database
        if database is None:
            database = db.Database(connection)
        with database.reader() as session:
            return Facts(
                kb_knowledge.load(session),
                readings.list_all(session, Subject.HOST),
                energy.tariff(CONF),
                CONF.default_availability_zone,
            )

    return read


_lock = threading.Lock()
_keeper: Keeper | None = None


def current() -> View | None:
    """This process's reading of the knowledge base that nova.conf names."""
    global _keeper
    with _lock:
        if _keeper is None:
            group = CONF.ecrae_scheduler
            _keeper = Keeper(
                _reader(CONF.ecrae_database.connection),
                refresh_interval_s=group.refresh_interval,
                max_age_s=group.max_age,
                first_load_timeout_s=group.first_load_timeout,
            )
        keeper = _keeper
    return keeper.current()


def _begin_anew() -> None:
    """In a forked process: the parent's thread and locks mean nothing."""
    global _keeper, _lock
    _keeper = None
    _lock = threading.Lock()


os.register_at_fork(after_in_child=_begin_anew)
