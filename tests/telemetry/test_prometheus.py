# SPDX-License-Identifier: Apache-2.0

"""A real Prometheus that scrapes a real node_exporter on this machine."""

import os
import subprocess
import time
import uuid

import pytest
import yaml

from ecrae import exception
from ecrae.model.reading import Metric
from ecrae.model.reading import Subject
from ecrae.telemetry import prometheus
from tests.database.servers import free_port
from tests.telemetry import servers
from tests.telemetry.conftest import REQUESTS


#: The built-in query looks five minutes back; a test has not that long.
FAST = {
    (Subject.HOST, Metric.UTILIZATION): (
        '1 - avg by (instance) '
        '(rate(node_cpu_seconds_total{mode="idle"}[10s]))'
    )
}


def source(url, **options):
    return prometheus.PrometheusSource(
        url, host_label='instance', timeout_s=10, **options
    )


def wait_for_reading(telemetry, metric):
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for reading in telemetry.latest(time.time()):
            if reading.metric is metric:
                return reading
        time.sleep(1)
    raise AssertionError(f'no reading of {metric}')


def test_memory_of_this_machine(prometheus_url):
    reading = wait_for_reading(source(prometheus_url), Metric.MEMORY_USED_MIB)
    total_mib = (
        os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**20
    )
    assert 0 < reading.value < total_mib
    assert reading.name == '127.0.0.1'
    assert time.time() - reading.measured_at < 30


def test_utilization_of_this_machine(prometheus_url):
    telemetry = source(prometheus_url, queries=FAST)
    reading = wait_for_reading(telemetry, Metric.UTILIZATION)
    assert 0 <= reading.value <= 1


def test_every_built_in_query_is_valid_promql(prometheus_url):
    source(prometheus_url).latest(time.time())


def test_power_of_kepler_and_scaphandre(folder, prometheus_url):
    """The exporters need RAPL; their metrics come through a text file."""
    (folder / 'power.prom').write_text(
        '# TYPE scaph_host_power_microwatts gauge\n'
        'scaph_host_power_microwatts 123000000\n'
    )
    reading = wait_for_reading(source(prometheus_url), Metric.POWER_W)
    assert reading.value == pytest.approx(123)


def test_requests_of_servers_behind_balancers(folder, prometheus_url):
    """As the example labels them, from counters as the exporters write."""
    jobs = yaml.safe_load(REQUESTS.read_text())['scrape_configs']
    rule = jobs[-1]['metric_relabel_configs'][0]
    octavia = rule['replacement']
    haproxy = str(uuid.uuid4())
    text = (
        '# TYPE haproxy_server_http_responses_total counter\n'
        'haproxy_server_http_responses_total'
        '{{proxy="web",server="{haproxy}",code="2xx"}} {count}\n'
        'haproxy_server_http_responses_total'
        '{{proxy="web",server="spare",code="2xx"}} {count}\n'
        '# TYPE octavia_member_http_responses_total counter\n'
        'octavia_member_http_responses_total'
        '{{pool="web",member="{member}",code="2xx"}} {count}\n'
        '# TYPE nginx_http_requests_total counter\n'
        'nginx_http_requests_total {count}\n'
    )
    found = {}
    deadline = time.monotonic() + 60
    began = time.monotonic()
    while len(found) < 2 or min(found.values()) < 20:
        assert time.monotonic() < deadline, found
        # A thousand a second, of which the mean of five minutes sees little.
        count = round(1000 * (time.monotonic() - began))
        written = folder / 'requests.new'
        written.write_text(
            text.format(haproxy=haproxy, member=rule['regex'], count=count)
        )
        written.replace(folder / 'requests.prom')
        time.sleep(1)
        found = {
            reading.name: reading.value
            for reading in source(prometheus_url).latest(time.time())
            if reading.metric is Metric.REQUESTS_PER_S
        }
    assert set(found) == {haproxy, octavia}
    assert max(found.values()) < 1100


def test_the_example_is_a_configuration_of_prometheus(prometheus_url):
    done = subprocess.run(
        [servers.require('promtool'), 'check', 'config', str(REQUESTS)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_history(prometheus_url):
    wait_for_reading(source(prometheus_url), Metric.MEMORY_USED_MIB)
    now = time.time()
    history = source(prometheus_url).history(
        Subject.HOST, Metric.MEMORY_USED_MIB, now - 600, now
    )
    assert history
    moments = [reading.measured_at for reading in history]
    assert moments == sorted(moments)


def test_bad_query_of_the_operator_is_explained(prometheus_url):
    telemetry = source(
        prometheus_url,
        queries=prometheus.parse_queries(['host.power_w=sum(']),
    )
    with pytest.raises(exception.CloudError, match=r'power_w.*parse error'):
        telemetry.latest(time.time())


def test_server_that_is_gone():
    telemetry = source(f'http://127.0.0.1:{free_port()}')
    with pytest.raises(exception.CloudError, match='did not answer'):
        telemetry.latest(time.time())
