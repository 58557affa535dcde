# SPDX-License-Identifier: Apache-2.0

"""Keeps a tagged server on the hardware that its tag allows.

An exact tag is a command: a host whose hardware is not known does not pass.
A hint tag is advice: an unknown host passes, and EcraeEnergyWeigher ranks it
with the worst. Untagged servers pass everywhere, and so do those with a tag
that the knowledge base does not have: a tag that an operator deletes must not
keep the servers that carry it from being moved.
"""

import itertools
from collections.abc import Callable
from collections.abc import Iterable
from typing import Any

import numpy as np
from nova.scheduler import filters
from nova.scheduler import utils
from oslo_log import log as logging

from ecrae.scheduler_filters import knowledge_view
from ecrae.scheduler_filters import request
from ecrae.scheduler_filters.keeper import View


LOG = logging.getLogger(__name__)


class EcraeTagFilter(filters.BaseHostFilter):
    """Passes the hosts of the node types that a server's tag allows."""

    #: A rebuild stays where it is.
    RUN_ON_REBUILD = False

    #: The answer is the same for every server of one request.
    run_filter_once_per_request = True

    def __init__(
        self,
        current: Callable[[], View | None] = knowledge_view.current,
    ) -> None:
        self._current = current

    def filter_all(
        self, filter_obj_list: Iterable[Any], spec_obj: Any
    ) -> Iterable[Any]:
        """Hosts that pass."""
        is_tagged = request.note(spec_obj)
        if utils.request_is_rebuild(spec_obj) or not is_tagged:
            return filter_obj_list
        view = self._current()
        if view is None:
            return filter_obj_list
        asked = request.requirement_of(spec_obj, view.knowledge)
        if asked is None:
            LOG.info(
                'The knowledge base has no tag %r; server %s is scheduled '
                'as an untagged one.',
                request.tag(spec_obj, view.knowledge),
                spec_obj.instance_uuid,
            )
            return filter_obj_list
        states = list(filter_obj_list)
        table = view.hosts
        names = table.node_types
        passes = np.array(
            [*(name in asked.node_types for name in names), not asked.is_exact]
        )
        node_type = table.node_type[table.locate(states)]
        return itertools.compress(states, passes[node_type].tolist())
