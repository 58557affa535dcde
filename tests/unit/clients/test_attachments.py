# SPDX-License-Identifier: Apache-2.0

"""What servers are connected to, at Nova's and Neutron's HTTP interfaces."""

import pytest

from ecrae import exception
from ecrae.clients import attachments
from ecrae.model.attachments import Attachments
from ecrae.model.attachments import Port
from ecrae.model.attachments import Volume
from tests.unit.clients import wire
from tests.unit.clients.network import Network


@pytest.fixture
def network(requests_mock):
    return Network(wire.WireCloud(requests_mock), 'the-server')


def test_what_a_server_has_is_told_in_its_order(network):
    network.add('b', '10.0.0.5', 'fd00::5')
    network.add('a', '10.1.0.5', network='other')
    network.floating['public'] = 'a'
    network.volumes['data'] = '/dev/vdb'
    assert network.seen() == Attachments(
        ports=(
            Port(
                id='b',
                network='net',
                addresses=('10.0.0.5', 'fd00::5'),
                security_groups=('web',),
            ),
            Port(
                id='a',
                network='other',
                addresses=('10.1.0.5',),
                security_groups=('web',),
                floating=('public',),
            ),
        ),
        volumes=(Volume(id='data', device='/dev/vdb'),),
    )


def test_a_cloud_without_routers_has_no_floating_addresses(network):
    network.has_router = False
    network.add('a', '10.0.0.5')
    assert network.seen().ports[0].floating == ()


def test_all_is_as_it_was(network):
    network.add('stacks', '10.0.0.5')
    network.add('novas', '10.0.0.6', 'fd00::6', is_novas=True)
    network.floating['public'] = 'novas'
    network.volumes['data'] = '/dev/vdb'
    before = network.seen()
    network.take_off()
    assert network.addresses == {}

    assert network.restore(before) == attachments.Lacks()

    (anew,) = set(network.addresses) - {'stacks'}
    assert network.addresses == {
        'stacks': ['10.0.0.5'],
        anew: ['10.0.0.6', 'fd00::6'],
    }
    assert network.ports[anew]['security_groups'] == ['web']
    assert network.floating == {'public': anew}
    assert network.volumes == {'data': '/dev/vdb'}


def test_doing_it_twice_changes_nothing_more(network):
    network.add('a', '10.0.0.5', is_novas=True)
    network.add('b', '10.0.0.6', is_novas=True)
    before = network.seen()
    network.take_off()
    network.restore(before)
    there = network.addresses
    assert network.restore(before) == attachments.Lacks()
    assert network.addresses == there
    assert len(there) == 2


def test_what_is_there_still_is_left_alone(network):
    network.add('a', '10.0.0.5', is_novas=True)
    network.volumes['data'] = '/dev/vdb'
    before = network.seen()
    network.ports['a']['security_groups'] = ['changed', 'since']
    assert network.restore(before) == attachments.Lacks()
    assert network.ports['a']['security_groups'] == ['changed', 'since']


def test_an_address_that_is_taken_by_now_is_told(network):
    network.add('a', '10.0.0.5', is_novas=True)
    before = network.seen()
    network.take_off()
    network.taken = {'10.0.0.5'}
    lacks = network.restore(before)
    assert list(network.addresses.values()) == [['10.0.0.99']]
    assert lacks.missing == ()
    assert '10.0.0.99' in lacks.changed[0]
    assert '10.0.0.5' in lacks.changed[0]


@pytest.mark.parametrize('what', ['a', 'data'])
def test_what_cannot_be_had_does_not_keep_the_rest_away(network, what):
    network.add('a', '10.0.0.5')
    network.add('b', '10.0.0.6')
    network.volumes['data'] = '/dev/vdb'
    before = network.seen()
    network.take_off()
    network.refused = {what}
    (lack,) = network.restore(before).missing
    assert what in lack
    assert 'in use' in lack
    assert 'b' in network.addresses
    assert ('data' in network.volumes) is (what != 'data')


def test_a_service_that_fails_is_an_error(network, requests_mock):
    requests_mock.get(f'{wire.NEUTRON}/v2.0/ports', status_code=503)
    network.add('a')
    with pytest.raises(exception.CloudError, match='Neutron'):
        network.seen()
