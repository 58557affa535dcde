# SPDX-License-Identifier: Apache-2.0

import keystoneauth1.session
import keystoneauth1.token_endpoint
import pytest

from ecrae import exception
from ecrae.model.reading import Metric
from ecrae.model.reading import Subject
from ecrae.telemetry import gnocchi


URL = 'http://metric'
GRANULE = '2026-01-01T00:00:00+00:00'
GRANULE_END = 1767225600 + 300


@pytest.fixture
def source():
    session = keystoneauth1.session.Session(
        keystoneauth1.token_endpoint.Token(URL, 'token')
    )
    return gnocchi.GnocchiSource(session, granularity_s=300, window_s=900)


def answer(meter, aggregation, value, **resource):
    return {
        'references': [{'id': 'r-1', 'ended_at': None, **resource}],
        'measures': {'r-1': {meter: {aggregation: [[GRANULE, 300.0, value]]}}},
    }


ANSWERS = {
    'nova_compute': answer(
        'compute.node.cpu.percent', 'mean', 25.0, host_name='arm-1'
    ),
    'ipmi': answer(
        'hardware.ipmi.node.power',
        'mean',
        180.0,
        original_resource_id='arm-1',
    ),
}


def serve(requests_mock, answers):
    def respond(request, context):
        context.headers['Content-Type'] = 'application/json'
        found = answers.get(request.json()['resource_type'])
        if found is None:
            # As Gnocchi 4.7 does.
            context.status_code = 400
            return {
                'code': 400,
                'title': 'Bad Request',
                'description': {
                    'cause': 'Resource type does not exist',
                    'detail': request.json()['resource_type'],
                },
            }
        return found

    requests_mock.post(f'{URL}/v1/aggregates', json=respond)


def test_converts_percent_and_keeps_watts(source, requests_mock):
    serve(requests_mock, ANSWERS)
    readings = {r.metric: r for r in source.latest(GRANULE_END)}
    assert readings[Metric.UTILIZATION].value == 0.25
    assert readings[Metric.UTILIZATION].name == 'arm-1'
    assert readings[Metric.POWER_W].value == 180.0
    assert readings[Metric.POWER_W].measured_at == GRANULE_END


def test_cumulative_nanoseconds_become_cores(source, requests_mock):
    serve(requests_mock, {'instance': answer('cpu', 'rate:mean', 600e9)})
    (reading,) = source.history(
        Subject.INSTANCE, Metric.CPU_CORES_USED, 0, GRANULE_END
    )
    assert reading.value == pytest.approx(2.0)
    assert reading.name == 'r-1'


def test_meters_nobody_publishes_are_no_error(source, requests_mock):
    serve(requests_mock, {})
    assert source.latest(GRANULE_END) == []


def test_ended_resource_is_not_read(source, requests_mock):
    ended = answer(
        'compute.node.cpu.percent',
        'mean',
        25.0,
        host_name='arm-1',
    )
    ended['references'][0]['ended_at'] = GRANULE
    serve(requests_mock, {'nova_compute': ended})
    assert source.latest(GRANULE_END) == []


def test_failing_service_names_the_meter(source, requests_mock):
    requests_mock.post(f'{URL}/v1/aggregates', status_code=503)
    with pytest.raises(
        exception.CloudError, match=r'compute\.node\.cpu\.percent'
    ):
        source.latest(GRANULE_END)
