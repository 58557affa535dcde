# SPDX-License-Identifier: Apache-2.0

"""The wire format is the one of Ceilometer's published v2 API reference."""

import re

import keystoneauth1.session
import keystoneauth1.token_endpoint
import pytest

from ecrae import exception
from ecrae.model.reading import Metric
from ecrae.telemetry import ceilometer


URL = 'http://metering'
ANY = re.compile(URL)


@pytest.fixture
def source():
    session = keystoneauth1.session.Session(
        keystoneauth1.token_endpoint.Token(URL, 'token')
    )
    return ceilometer.CeilometerSource(session, window_s=900)


def sample(meter, volume, resource_id, **metadata):
    return {
        'counter_name': meter,
        'counter_type': 'gauge',
        'counter_unit': '%',
        'counter_volume': volume,
        'message_id': '5460acce-4fd6-480d-ab18-9735ec7b1996',
        'project_id': None,
        'recorded_at': '2015-01-01T12:00:00',
        'resource_id': resource_id,
        'resource_metadata': metadata,
        'source': 'openstack',
        'timestamp': '2015-01-01T12:00:00',
        'user_id': None,
    }


def serve(requests_mock, **by_meter):
    requests_mock.get(ANY, status_code=404, json={'error_message': 'none'})
    requests_mock.get(f'{URL}/', json={})
    for meter, samples in by_meter.items():
        requests_mock.get(
            f'{URL}/v2/meters/{meter.replace("__", ".")}', json=samples
        )


def test_host_is_named_by_its_metadata(source, requests_mock):
    serve(
        requests_mock,
        compute__node__cpu__percent=[
            sample('compute.node.cpu.percent', 25, 'arm-1_node', host='arm-1')
        ],
    )
    (reading,) = source.latest(1420113700)
    assert (reading.name, reading.value) == ('arm-1', 0.25)
    assert reading.measured_at == 1420113600
    (query,) = [r.qs for r in requests_mock.request_history if r.qs][:1]
    assert query['q.field'] == ['timestamp', 'timestamp']
    assert query['q.op'] == ['ge', 'le']


@pytest.mark.parametrize(
    'metadata',
    [
        {'cpu_number': 4},
        {'vcpus': '4'},
        {'flavor': {'vcpus': 4}},
        {'flavor.vcpus': '4'},
    ],
)
def test_cpu_util_is_of_all_vcpus(source, requests_mock, metadata):
    serve(
        requests_mock, cpu_util=[sample('cpu_util', 50, 'uuid-1', **metadata)]
    )
    (reading,) = source.latest(1420113700)
    assert reading.metric is Metric.CPU_CORES_USED
    assert reading.value == pytest.approx(2.0)


def test_failing_service_is_a_cloud_error(source, requests_mock):
    requests_mock.get(ANY, status_code=500)
    with pytest.raises(exception.CloudError, match='Ceilometer'):
        source.latest(1420113700)
