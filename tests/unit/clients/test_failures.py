# SPDX-License-Identifier: Apache-2.0

import pytest
import requests

from ecrae import exception
from ecrae.clients import compute
from tests.unit.clients import wire


def _fails(cloud):
    with pytest.raises(exception.CloudError) as caught:
        compute.list_flavors(cloud.connection())
    return caught.value


def _assert_tells(error, *parts):
    text = str(error)
    for part in ('Nova', 'list flavors', *parts):
        assert part in text
    for secret in ('the-password', 'token-that-is-a-secret'):
        assert secret not in text
    assert '\n' not in text


def test_wrong_password(cloud):
    cloud.mock.post(f'{wire.AUTH}/auth/tokens', status_code=401)
    _assert_tells(_fails(cloud), 'credentials were refused', 'password')


def test_policy_refuses(cloud):
    cloud.mock.get(
        f'{wire.NOVA}/flavors/detail',
        status_code=403,
        json={'forbidden': {'message': 'Policy does not allow', 'code': 403}},
    )
    error = _fails(cloud)
    assert isinstance(error, exception.Forbidden)
    _assert_tells(error, 'roles')


def test_service_is_not_in_the_catalogue(requests_mock):
    cloud = wire.WireCloud(requests_mock, services={'image': wire.GLANCE})
    _assert_tells(_fails(cloud), 'catalogue')


def test_service_does_not_answer(cloud):
    cloud.mock.get(
        f'{wire.NOVA}/flavors/detail',
        exc=requests.exceptions.ConnectionError('refused'),
    )
    _assert_tells(_fails(cloud), 'nova.test', 'does not answer')


def test_keystone_does_not_answer(cloud):
    cloud.mock.post(
        f'{wire.AUTH}/auth/tokens', exc=requests.exceptions.ConnectTimeout
    )
    _assert_tells(_fails(cloud), 'keystone.test')


def test_service_has_an_error_of_its_own(cloud):
    cloud.mock.get(
        f'{wire.NOVA}/flavors/detail',
        status_code=500,
        json={'computeFault': {'message': 'Oops', 'code': 500}},
    )
    error = _fails(cloud)
    _assert_tells(error, 'Oops')
    assert error.kwargs['status'] == 500


def test_what_looks_like_a_secret_is_masked(cloud):
    cloud.mock.get(
        f'{wire.NOVA}/flavors/detail',
        status_code=500,
        json={
            'computeFault': {
                'message': "mysql://nova:hunter2@db/nova 'password': 'x1y2'"
            }
        },
    )
    text = str(_fails(cloud))
    assert 'hunter2' not in text
    assert 'x1y2' not in text
