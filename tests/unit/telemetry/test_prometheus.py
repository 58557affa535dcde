# SPDX-License-Identifier: Apache-2.0

import pytest

from ecrae import exception
from ecrae.model.reading import Metric
from ecrae.model.reading import Subject
from ecrae.telemetry import prometheus


URL = 'http://monitor:9090/prom'


def vector(*series):
    return {
        'status': 'success',
        'data': {
            'resultType': 'vector',
            'result': [
                {'metric': labels, 'value': [1000.5, value]}
                for labels, value in series
            ],
        },
    }


@pytest.fixture
def source():
    return prometheus.PrometheusSource(URL, host_label='instance', timeout_s=5)


def test_reads_hosts_and_instances(source, requests_mock):
    empty = vector()

    def answer(request, _context):
        query = request.qs['query'][0]
        if 'node_cpu' in query:
            return vector(({'instance': 'arm-1:9100'}, '0.25'))
        if 'cpu_time' in query:
            return vector(({'uuid': 'abc'}, '1.5'))
        return empty

    requests_mock.get(f'{URL}/api/v1/query', json=answer)
    host, instance = source.latest(2000)
    assert (host.name, host.metric, host.value) == (
        'arm-1',
        Metric.UTILIZATION,
        0.25,
    )
    assert (instance.subject, instance.name, instance.value) == (
        Subject.INSTANCE,
        'abc',
        1.5,
    )
    assert host.measured_at == 1000.5


def test_reads_history(source, requests_mock):
    requests_mock.get(
        f'{URL}/api/v1/query_range',
        json={
            'status': 'success',
            'data': {
                'resultType': 'matrix',
                'result': [
                    {
                        'metric': {'instance': 'arm-1'},
                        'values': [[60, '100'], [120, '110']],
                    }
                ],
            },
        },
    )
    readings = source.history(Subject.HOST, Metric.POWER_W, 0, 120)
    assert [(r.measured_at, r.value) for r in readings] == [
        (60, 100),
        (120, 110),
    ]


def test_refused_query_says_which_metric(source, requests_mock):
    requests_mock.get(
        f'{URL}/api/v1/query',
        status_code=400,
        json={'status': 'error', 'error': 'parse error'},
    )
    with pytest.raises(
        exception.CloudError, match=r'utilization.*parse error'
    ):
        source.latest(2000)


def test_answer_that_is_not_prometheus(source, requests_mock):
    requests_mock.get(f'{URL}/api/v1/query', text='<html>')
    with pytest.raises(exception.CloudError, match='utilization'):
        source.latest(2000)


def test_queries_can_be_replaced(requests_mock):
    source = prometheus.PrometheusSource(
        URL,
        host_label='node',
        timeout_s=5,
        queries=prometheus.parse_queries(['host.power_w = my_pdu{a="b"}']),
    )
    requests_mock.get(f'{URL}/api/v1/query', json=vector())
    source.latest(2000)
    asked = [r.qs['query'][0] for r in requests_mock.request_history]
    assert 'my_pdu{a="b"}' in asked
    assert not any('kepler' in query for query in asked)


@pytest.mark.parametrize('text', ['host.power_w', 'x=y', 'host.power_w='])
def test_bad_query_option_names_what_is_valid(text):
    with pytest.raises(exception.ConfigError, match=r'host\.utilization'):
        prometheus.parse_queries([text])
