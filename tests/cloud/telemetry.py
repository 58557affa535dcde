# SPDX-License-Identifier: Apache-2.0

"""Telemetry of the test cloud: agents that measure what the test says."""

import time

import pytest
from gnocchiclient.v1 import client

from ecrae.kb import readings
from ecrae.model.reading import Metric
from ecrae.model.reading import Subject
from ecrae.telemetry.gnocchi import NANOSECONDS
from tests.cloud.testcloud import REFRESH_S
from tests.cloud.testcloud import wait_for
from tests.telemetry.publisher import Publisher


class Telemetry:
    """Publishes to Gnocchi and sees what reached the knowledge base."""

    def __init__(self, cloud, database):
        self._database = database
        self._publisher = Publisher(
            client.Client(cloud.admin.sdk.session), granularity_s=1
        )

    def measure(self, percent, watts=None, *, refresh_s=REFRESH_S):
        """Publish what hosts do now; returns a refresh after it is known."""
        self.publish(percent, watts)
        wanted = {
            (host, Metric.UTILIZATION): value / 100
            for host, value in percent.items()
        }
        for host, value in (watts or {}).items():
            wanted[host, Metric.POWER_W] = value
        wait_for(self.known, lambda known: wanted.items() <= known.items())
        time.sleep(refresh_s)

    def publish(self, percent, watts=None):
        """Publish CPU in per cent and watts, by host."""
        now = time.time()
        for host, value in percent.items():
            self._publisher.host_cpu(host, [(now, value)])
        for host, value in (watts or {}).items():
            self._publisher.host_power(host, [(now, value)])

    def hold(self, memory_mib):
        """Publish two minutes of the memory of servers, by identifier."""
        now = int(time.time())
        for server, used in memory_mib.items():
            self._publisher.publish(
                'instance',
                server,
                'memory.usage',
                [(now - 120 + s, used) for s in range(121)],
                display_name='web',
            )

    def use(self, cores):
        """Publish two minutes of what servers keep busy, by identifier."""
        now = int(time.time())
        for server, busy in cores.items():
            self._publisher.publish(
                'instance',
                server,
                'cpu',
                [(now - 120 + s, busy * s * NANOSECONDS) for s in range(121)],
                display_name='web',
            )
        wanted = {
            (server, Metric.CPU_CORES_USED): pytest.approx(busy, rel=0.01)
            for server, busy in cores.items()
        }
        wait_for(
            lambda: self.known(Subject.INSTANCE),
            lambda known: all(
                known.get(cell) == busy for cell, busy in wanted.items()
            ),
        )

    def known(self, subject=Subject.HOST):
        """What ECRAE believes of hosts now, by name and metric."""
        with self._database.reader() as session:
            return {
                (reading.name, reading.metric): reading.value
                for reading in readings.list_all(session, subject)
            }

    def forget(self):
        """Leave no measurement to the tests that come after."""
        with self._database.writer() as session:
            readings.replace_all(session, [])
