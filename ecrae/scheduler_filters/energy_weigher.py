# SPDX-License-Identifier: Apache-2.0

"""Prefers the host that does the server's work for the least energy now.

Only a tagged server is weighed: its tag says how busy it keeps its vCPUs
and how fast each node type serves it. Set ``[ecrae_scheduler]
energy_weight_multiplier`` to about 1.0 to let Nova's own weighers have a say,
to 0.0 to keep this one quiet.
"""

from collections.abc import Callable
from collections.abc import Sequence
from typing import Any

from nova.scheduler import utils
from nova.scheduler import weights

from ecrae.scheduler_filters import estimate
from ecrae.scheduler_filters import knowledge_view
from ecrae.scheduler_filters import request
from ecrae.scheduler_filters.keeper import View
from ecrae.scheduler_filters.options import CONF


#: Key of an aggregate's metadata that overrides the multiplier.
MULTIPLIER = 'ecrae_energy_weight_multiplier'


class EcraeEnergyWeigher(weights.BaseHostWeigher):
    """Weighs hosts by the marginal energy efficiency of the server there."""

    def __init__(
        self,
        current: Callable[[], View | None] = knowledge_view.current,
    ) -> None:
        self._current = current
        self._multiplier = CONF.ecrae_scheduler.energy_weight_multiplier

    def weight_multiplier(self, host_state: Any) -> float:
        """Nova's multiplier, which an aggregate of the host may override."""
        for aggregate in host_state.aggregates:
            if MULTIPLIER in aggregate.metadata:
                return utils.get_weight_multiplier(
                    host_state, MULTIPLIER, self._multiplier
                )
        return self._multiplier

    def weigh_objects(
        self, weighed_obj_list: Sequence[Any], weight_properties: Any
    ) -> list[float]:
        """Weights of all hosts; none at all where there is no opinion.

        Nova adds what it is given, host by host, so an empty list adds
        nothing, and costs nothing, for untagged servers.
        """
        if not request.is_tagged(weight_properties):
            return []
        view = self._current()
        if view is None:
            return []
        asked = request.requirement_of(weight_properties, view.knowledge)
        if asked is None:
            return []
        states = [weighed.obj for weighed in weighed_obj_list]
        weights, _ = estimate.weights(
            view.hosts, states, weight_properties.vcpus, asked
        )
        return weights.tolist()

    def _weigh_object(self, obj: Any, weight_properties: Any) -> float:
        """Unused: hosts are weighed all at once."""
        return 0.0
