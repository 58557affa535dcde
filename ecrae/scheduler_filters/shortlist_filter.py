# SPDX-License-Identifier: Apache-2.0

"""Leaves only the best hosts of a tagged server to Nova's weighers.

Each of Nova's dozen weighers looks at every host that the filters pass, one
by one, and EcraeEnergyWeigher outvotes nearly all of them. This filter, last
in ``enabled_filters``, ranks the hosts exactly as that weigher will, and
passes the first ``[ecrae_scheduler] shortlist_size`` for each server of the
request. In a large cloud that saves most of the time a request takes.

Of hosts that the weigher would put level the least loaded pass first, which
is what Nova's weighers choose by default. For a server of a group all that
are level with the last one pass, so that soft affinity decides between them.
"""

import itertools
from collections.abc import Callable
from collections.abc import Iterable
from typing import Any

import numpy as np
from nova.scheduler import filters
from nova.scheduler import utils

from ecrae.model.power import FloatArray
from ecrae.scheduler_filters import estimate
from ecrae.scheduler_filters import knowledge_view
from ecrae.scheduler_filters import request
from ecrae.scheduler_filters.arrays import BoolArray
from ecrae.scheduler_filters.keeper import View
from ecrae.scheduler_filters.options import CONF


class EcraeShortlistFilter(filters.BaseHostFilter):
    """Passes the hosts that do a tagged server's work for the least energy."""

    #: A rebuild stays where it is.
    RUN_ON_REBUILD = False

    def __init__(
        self,
        current: Callable[[], View | None] = knowledge_view.current,
    ) -> None:
        self._current = current
        group = CONF.ecrae_scheduler
        # Where energy has little say, or a negative one, others decide.
        is_decisive = group.energy_weight_multiplier >= 1.0
        self._size = group.shortlist_size if is_decisive else 0

    def run_filter_for_index(self, index: int) -> bool:
        """Whether there may be anything to do: once for each request.

        Where EcraeTagFilter, which comes first, has just seen an untagged
        server, there is not. Were that of an earlier request, the server
        would land on the same host, only later.
        """
        return index == 0 and request.may_be_tagged()

    def filter_all(
        self, filter_obj_list: Iterable[Any], spec_obj: Any
    ) -> Iterable[Any]:
        """Hosts that pass."""
        if not self._size or utils.request_is_rebuild(spec_obj):
            return filter_obj_list
        states = list(filter_obj_list)
        size = self._size * max(1, spec_obj.num_instances)
        if len(states) <= size or not request.is_tagged(spec_obj):
            return states
        view = self._current()
        if view is None:
            return states
        asked = request.requirement_of(spec_obj, view.knowledge)
        if asked is None:
            return states
        weights, load = estimate.weights(
            view.hosts, states, spec_obj.vcpus, asked
        )
        passes = _best(weights, load, size)
        if spec_obj.instance_group is not None:
            passes |= weights >= weights[passes].min()
        return itertools.compress(states, passes.tolist())


def _best(weights: FloatArray, load: FloatArray, size: int) -> BoolArray:
    """The heaviest hosts, of equal ones the least loaded, shape (n,)."""
    passes = np.zeros(len(weights), bool)
    passes[np.lexsort((load, -weights))[:size]] = True
    return passes
