# SPDX-License-Identifier: Apache-2.0

"""The rebalancer as a process: turns of the loop until a signal ends it."""

import threading

from oslo_config import cfg
from oslo_log import log as logging

from ecrae import service
from ecrae.migration.rebalancer import factory
from ecrae.migration.rebalancer.leader import Leadership
from ecrae.migration.rebalancer.turns import Turns


LOG = logging.getLogger(__name__)

#: Seconds between two looks for approved plans, and claims to lead.
_TICK_S = 5.0


class RebalancerProcess(service.Process):
    """Runs turns in a thread."""

    def __init__(self, conf: cfg.ConfigOpts) -> None:
        self._conf = conf
        self._ended = threading.Event()

    def start(self) -> None:
        """Make the parts, and begin.

        :raises ConfigError: an option is missing or wrong.
        """
        options = self._conf.ecrae_rebalancer
        leadership = Leadership(options.coordination_url)
        parts = factory.make(
            self._conf,
            lambda: self._ended.is_set() or not leadership.is_held(),
        )
        parts.metrics.serve(options.metrics_address, options.metrics_port)
        turns = Turns(parts, leadership, options.interval)
        self._loop = threading.Thread(
            target=self._run, args=(turns, leadership), name='turns'
        )
        self._loop.start()

    def _run(self, turns: Turns, leadership: Leadership) -> None:
        while not self._ended.is_set():
            try:
                turns.take()
            except Exception:
                # A fault of ours in one turn must not end the service.
                LOG.exception('A cycle failed')
            self._ended.wait(_TICK_S)
        leadership.resign()

    def stop(self) -> None:
        """Begin nothing more; what is under way is taken up next time."""
        self._ended.set()

    def wait(self) -> None:
        """Until stopped."""
        self._loop.join()

    def reset(self) -> None:
        """Nothing is cached that a signal could refresh."""
