# SPDX-License-Identifier: Apache-2.0

import copy

import pytest

from ecrae import exception
from ecrae.clients.stack import Place
from ecrae.migration import replacement


HARDWARE = replacement.Hardware(node_type='x', flavor='f', image='i')
WEB = Place('the-stack', 'web')
TEMPLATE = {
    'resources': {
        'web': {'type': 'OS::Nova::Server', 'properties': {'flavor': 'g'}}
    }
}


def test_a_server_gets_other_hardware_and_says_whose_place_it_takes():
    before = copy.deepcopy(TEMPLATE)
    found = replacement.replaced(TEMPLATE, 'web', HARDWARE, 'old')
    assert before == TEMPLATE
    assert found['resources']['web']['properties'] == {
        'flavor': 'f',
        'image': 'i',
        'flavor_update_policy': 'REPLACE',
        'image_update_policy': 'REPLACE',
        'metadata': {'ecrae:replaces': 'old'},
        'scheduler_hints': {},
    }
    assert replacement.is_asked_for(found, WEB, 'old')


def test_other_replacements_are_not_this_one():
    found = replacement.replaced(TEMPLATE, 'web', HARDWARE, 'old')
    assert not replacement.is_asked_for(found, WEB, 'new')
    assert not replacement.is_asked_for(TEMPLATE, WEB, 'old')
    assert not replacement.is_asked_for({}, WEB, 'old')


@pytest.mark.parametrize(
    'resources', [{}, {'web': {'type': 'OS::Heat::ResourceGroup'}}]
)
def test_a_resource_that_is_no_server_of_its_own_is_refused(resources):
    with pytest.raises(exception.PreCheckFailed, match='OS::Nova::Server'):
        replacement.replaced({'resources': resources}, 'web', HARDWARE, 'old')
