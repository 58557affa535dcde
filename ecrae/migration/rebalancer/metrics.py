# SPDX-License-Identifier: Apache-2.0

"""Numbers about the rebalancer for Prometheus to fetch."""

import time
from collections.abc import Iterable

import prometheus_client

from ecrae import exception
from ecrae.migration.rebalancer.guard import Verdict
from ecrae.migration.rebalancer.proposal import Proposal
from ecrae.model.plan import Plan


class Metrics:
    """Counters and gauges of one rebalancer."""

    def __init__(self) -> None:
        self.registry = prometheus_client.CollectorRegistry()
        self._cycles = self._counter(
            'cycles', 'Cycles by what came of them', 'outcome'
        )
        self._brakes = self._counter(
            'brakes', 'Cycles that a brake ended', 'brake'
        )
        self._plans = self._counter(
            'plans', 'Plans that reached a state', 'state'
        )
        self._actions = self._counter(
            'actions', 'Actions that reached a state', 'kind', 'state'
        )
        self._is_leader = self._gauge('leader', '1 where this one leads')
        self._finished = self._gauge(
            'last_cycle_timestamp_seconds', 'When the last cycle ended'
        )
        self._power = self._gauge(
            'power_watts', 'Watts of the cloud, as the model has it', 'case'
        )

    def serve(self, address: str, port: int) -> None:
        """Answer Prometheus from a thread; port 0 serves nothing.

        :raises ConfigError: the address cannot be used.
        """
        if not port:
            return
        try:
            prometheus_client.start_http_server(
                port, address, registry=self.registry
            )
        except OSError as error:
            raise exception.ConfigError(
                f'[ecrae_rebalancer] metrics_address and metrics_port: '
                f'{address}:{port} cannot be served: {error.strerror}.'
            ) from error

    def leads(self, is_leader: bool) -> None:
        """This process leads, or does not."""
        self._is_leader.set(is_leader)

    def proposed(self, proposal: Proposal) -> None:
        """A search has ended."""
        for case, watts in (
            ('present', proposal.power_before_w),
            ('proposed', proposal.power_after_w),
            ('bound', proposal.power_bound_w),
        ):
            self._power.labels(case).set(watts)

    def cycled(self, outcome: str, verdicts: Iterable[Verdict]) -> None:
        """A cycle has ended."""
        self._cycles.labels(outcome).inc()
        self._finished.set(time.time())
        for verdict in verdicts:
            if verdict.is_held:
                self._brakes.labels(verdict.brake).inc()

    def plan(self, plan: Plan) -> None:
        """A plan is in a new state."""
        self._plans.labels(str(plan.state)).inc()

    def action(self, plan: Plan, position: int) -> None:
        """An action is in a new state."""
        action = plan.actions[position]
        self._actions.labels(str(action.kind), str(action.state)).inc()

    def _counter(
        self, name: str, text: str, *labels: str
    ) -> prometheus_client.Counter:
        return prometheus_client.Counter(
            f'ecrae_rebalancer_{name}', text, labels, registry=self.registry
        )

    def _gauge(
        self, name: str, text: str, *labels: str
    ) -> prometheus_client.Gauge:
        return prometheus_client.Gauge(
            f'ecrae_rebalancer_{name}', text, labels, registry=self.registry
        )
