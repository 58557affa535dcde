# SPDX-License-Identifier: Apache-2.0

"""Replays a trace under a policy and meters what happens.

At every instant machines leave and arrive, then the policy may migrate.
Within an interval the state changes only when a migration ends, so that
energy is exact for demand that runs in straight lines between samples, up to
the kinks of the power curves.
"""

from collections.abc import Callable

import numpy as np

from ecrae import exception
from ecrae.model.power import FloatArray
from ecrae.simulator import policy as policies
from ecrae.simulator import service
from ecrae.simulator.fleet import Fleet
from ecrae.simulator.meter import Meter
from ecrae.simulator.meter import Outcome
from ecrae.simulator.policy import Move
from ecrae.simulator.policy import Policy
from ecrae.simulator.policy import Rules
from ecrae.simulator.policy import World
from ecrae.simulator.service import Service
from ecrae.simulator.trace import BoolArray
from ecrae.simulator.trace import IntArray
from ecrae.simulator.trace import Trace


class _Run:
    """The state of one replay."""

    def __init__(self, trace: Trace, fleet: Fleet, rules: Rules) -> None:
        self.trace = trace
        self.fleet = fleet
        self.rules = rules
        self.host_of: IntArray = np.full(len(trace), -1, dtype=np.intp)
        #: Migrations under way, in the order in which they were asked for.
        self.movers: IntArray = np.empty(0, dtype=np.intp)
        self.destinations: IntArray = np.empty(0, dtype=np.intp)
        #: Seconds into the present interval at which they end.
        self.ends_s: FloatArray = np.empty(0)

    def world(self, instant: int) -> World:
        is_moving = np.zeros(len(self.trace), dtype=bool)
        is_moving[self.movers] = True
        return policies.world_at(
            self.trace,
            self.fleet,
            self.rules,
            instant,
            self.host_of,
            is_moving,
        )

    def depart(self, instant: int) -> None:
        gone = ~self.trace.is_present(instant)
        self.host_of[gone] = -1
        self._keep(~gone[self.movers])

    def arrive(self, instant: int, policy: Policy) -> int:
        """Place what starts now; how many found no host."""
        new = np.flatnonzero(
            (self.trace.arrival == instant) & self.trace.is_present(instant)
        )
        if not len(new):
            return 0
        self.host_of[new] = policy.place(self.world(instant), new)
        return int((self.host_of[new] < 0).sum())

    def start(self, moves: list[Move]) -> int:
        """Begin migrations; how many."""
        movers = np.array([move.machine for move in moves], dtype=np.intp)
        hosts = np.array([move.host for move in moves], dtype=np.intp)
        wrong = (self.host_of[movers] < 0) | np.isin(movers, self.movers)
        if wrong.any():
            names = [self.trace.names[machine] for machine in movers[wrong]]
            raise exception.Conflict(
                f'The policy migrates {", ".join(names)}, which are not '
                'running or already migrating.'
            )
        took_s = self.trace.memory_mib[movers]
        took_s = took_s / self.fleet.bandwidth_mib_s[hosts]
        self.movers = np.concatenate([self.movers, movers])
        self.destinations = np.concatenate([self.destinations, hosts])
        self.ends_s = np.concatenate([self.ends_s, took_s])
        return len(moves)

    def finish(self, until_s: float) -> None:
        """Let the migrations arrive that end by a time; later ones win."""
        done = self.ends_s <= until_s
        self.host_of[self.movers[done]] = self.destinations[done]
        self._keep(~done)

    def next_interval(self) -> None:
        self.ends_s = self.ends_s - self.trace.interval_s

    def serve(self, instant: int, fraction: float) -> Service:
        return service.serve(
            self.fleet,
            self.trace.vcpus,
            self.trace.at(instant, fraction),
            self.host_of,
            self.movers,
            self.destinations,
        )

    def _keep(self, wanted: BoolArray) -> None:
        self.movers = self.movers[wanted]
        self.destinations = self.destinations[wanted]
        self.ends_s = self.ends_s[wanted]


def run(
    trace: Trace,
    fleet: Fleet,
    policy: Policy,
    rules: Rules | None = None,
    *,
    metered_from: int = 0,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> Outcome:
    """Replay a trace.

    :param metered_from: intervals before this one are played but not
        metered; CloudSim does not meter the first one.
    :param on_progress: called with intervals done and intervals in all.
    """
    state = _Run(trace, fleet, rules or Rules())
    meter = Meter(fleet, trace.interval_s, policy.sleeps)
    for instant in range(trace.intervals):
        state.depart(instant)
        refused = state.arrive(instant, policy)
        moves = policy.rebalance(state.world(instant)) if instant else []
        started = state.start(moves)
        meter.refuse(refused)
        if instant >= metered_from:
            meter.begin(started)
            _meter_interval(state, meter, instant)
        else:
            state.finish(trace.interval_s)
        state.next_interval()
        on_progress(instant + 1, trace.intervals)
    return meter.outcome()


def _meter_interval(state: _Run, meter: Meter, instant: int) -> None:
    interval_s = state.trace.interval_s
    ends = state.ends_s[state.ends_s < interval_s]
    start_s = 0.0
    for end_s in (*np.unique(ends), interval_s):
        state.finish(start_s)
        begin = state.serve(instant, start_s / interval_s)
        end = state.serve(instant, end_s / interval_s)
        demand = state.trace.at(instant, start_s / interval_s)
        asked = np.where(state.host_of >= 0, demand, 0.0)
        meter.segment(end_s - start_s, begin, end, asked, state.movers)
        start_s = end_s
    state.finish(interval_s)
