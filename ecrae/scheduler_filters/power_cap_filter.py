# SPDX-License-Identifier: Apache-2.0

"""Keeps the estimated draw of hosts, racks and zones below their caps.

Caps are watts: ``[ecrae_scheduler] host_power_cap`` for every host, and in
the metadata of a host aggregate ``ecrae:host_power_cap`` for each of its
hosts and ``ecrae:power_cap`` for all of them together. An aggregate of the
hosts of a rack makes a rack's cap; the aggregate that makes an availability
zone, a zone's. They hold for every server, tagged or not. A host that the
knowledge base does not know passes, and adds nothing.
"""

import itertools
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Sequence
from typing import Any

import numpy as np
from nova.scheduler import filters
from nova.scheduler import utils

from ecrae.model import host_arrays
from ecrae.scheduler_filters import estimate
from ecrae.scheduler_filters import knowledge_view
from ecrae.scheduler_filters import power_caps
from ecrae.scheduler_filters import request
from ecrae.scheduler_filters.arrays import BoolArray
from ecrae.scheduler_filters.host_table import UNKNOWN
from ecrae.scheduler_filters.keeper import View
from ecrae.scheduler_filters.options import CONF
from ecrae.scheduler_filters.power_caps import Caps


class EcraePowerCapFilter(filters.BaseHostFilter):
    """Passes hosts that the server would not lift above a power cap."""

    #: A rebuild adds no load.
    RUN_ON_REBUILD = False

    #: Each server of a request draws its part.
    run_filter_once_per_request = False

    def __init__(
        self,
        current: Callable[[], View | None] = knowledge_view.current,
    ) -> None:
        self._current = current
        #: Watts by host when it was last among the hosts of a request. A
        #: full host is in few, and draws the most.
        self._seen_w: dict[str, float] = {}

    def filter_all(
        self, filter_obj_list: Iterable[Any], spec_obj: Any
    ) -> Iterable[Any]:
        """Hosts that pass."""
        if utils.request_is_rebuild(spec_obj):
            return filter_obj_list
        states = list(filter_obj_list)
        caps = power_caps.caps(states, CONF.ecrae_scheduler.host_power_cap)
        view = self._current() if caps else None
        if caps is None or view is None:
            return states
        passes = self._passes(view, caps, states, spec_obj)
        return itertools.compress(states, passes.tolist())

    def _passes(
        self, view: View, caps: Caps, states: Sequence[Any], spec_obj: Any
    ) -> BoolArray:
        rows = view.hosts.locate(states)
        is_known = rows != UNKNOWN
        found = estimate.estimate(
            view.hosts,
            rows,
            states,
            spec_obj.vcpus,
            request.requirement_of(spec_obj, view.knowledge),
        )
        draw_w = np.where(is_known, host_arrays.draw_w(found.hosts), 0.0)
        # Past full load the ranking's watts go on rising; real ones do not.
        full_w = (
            found.hosts.curves_w[:, -1]
            + found.hosts.accelerator_w
            + found.marginal.accelerator_w
        )
        after_w = np.minimum(draw_w + found.marginal.power_w, full_w)
        added_w = np.where(is_known, after_w - draw_w, 0.0)
        self._seen_w.update(
            zip((state.host for state in states), draw_w.tolist(), strict=True)
        )
        passes = draw_w + added_w <= caps.host_w
        for group in caps.groups:
            total_w = draw_w[group.places].sum() + sum(
                view.hosts.draw_of_w(name, self._seen_w.get(name, 0.0))
                for name in group.absent
            )
            passes[group.places] &= (
                total_w + added_w[group.places] <= group.cap_w
            )
        return passes | ~is_known
