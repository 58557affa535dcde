# SPDX-License-Identifier: Apache-2.0

import threading

from oslo_config import cfg

from ecrae import conf as options
from ecrae import service
from ecrae.migration import process


class _Broken:
    """A registry whose daemon answers what nobody foresaw."""

    def __init__(self, ended: threading.Event) -> None:
        self.asked = 0
        self._ended = ended

    def report(self) -> None:
        self.asked += 1
        if self.asked == 2:
            self._ended.set()
        raise RuntimeError('Invalid PID')


class _Idle:
    """A manager and journal with nothing to do."""

    def reconcile(self) -> None:
        pass

    def prune(self, older_than: float) -> None:
        pass


def test_the_heartbeat_outlives_what_a_report_dies_of():
    conf = cfg.ConfigOpts()
    options.register_opts(conf)
    conf([], default_config_files=[])
    conf.set_override('heartbeat_interval', 1, 'ecrae_agent')
    found = process.AgentProcess(conf)
    assert isinstance(found, service.Process)
    registry = _Broken(found._ended)
    found._registry = registry
    found._manager = found._journal = _Idle()
    found._run()
    assert registry.asked == 2
