# SPDX-License-Identifier: Apache-2.0

"""Keeps new servers off hosts that are being emptied, asleep or down.

The state is the one in the knowledge base. It holds for every server, tagged
or not: a host that is about to sleep is no place for any of them.
"""

import itertools
from collections.abc import Callable
from collections.abc import Iterable
from typing import Any

from nova.scheduler import filters
from nova.scheduler import utils

from ecrae.scheduler_filters import knowledge_view
from ecrae.scheduler_filters.keeper import View


class EcraeDrainFilter(filters.BaseHostFilter):
    """Passes hosts that are awake, and those that are not known."""

    #: A rebuild stays where it is, on a draining host too.
    RUN_ON_REBUILD = False

    def __init__(
        self,
        current: Callable[[], View | None] = knowledge_view.current,
    ) -> None:
        self._current = current

    def run_filter_for_index(self, index: int) -> bool:
        """Whether there is anything to do: at most once for each request.

        Nova's bookkeeping for a filter that passes every host costs more
        than the filter.
        """
        if index > 0:
            return False
        view = self._current()
        return view is not None and not view.hosts.is_open.all()

    def filter_all(
        self, filter_obj_list: Iterable[Any], spec_obj: Any
    ) -> Iterable[Any]:
        """Hosts that pass."""
        if utils.request_is_rebuild(spec_obj):
            return filter_obj_list
        view = self._current()
        if view is None:
            return filter_obj_list
        states = list(filter_obj_list)
        is_open = view.hosts.is_open[view.hosts.locate(states)]
        return itertools.compress(states, is_open.tolist())
