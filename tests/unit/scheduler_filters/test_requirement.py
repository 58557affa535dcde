# SPDX-License-Identifier: Apache-2.0

import pytest

from ecrae.scheduler_filters.requirement import is_exact
from ecrae.scheduler_filters.requirement import requirement
from tests import hardware


KNOWN = hardware.knowledge()


@pytest.mark.parametrize(
    ('flavor', 'decided', 'expected'),
    [
        ('web.small', None, {'arm', 'new'}),
        ('web.large', None, {'new', 'old'}),
        # A flavor of the operator's own says nothing of the node type.
        ('m1.tiny', None, {'arm', 'new', 'old'}),
        # The decision binds the architecture, for which the image is.
        ('web.small', 'arm', {'arm'}),
        ('web.small', 'new', {'new'}),
        ('web.large', 'old', {'new', 'old'}),
        ('m1.tiny', 'gpu', {'new', 'old'}),
        # A node type that was deleted since binds nothing.
        ('web.small', 'vax', {'arm', 'new'}),
    ],
)
def test_hint_tag_allows_targets_of_flavor_and_architecture(
    flavor, decided, expected
):
    asked = requirement('web', flavor, decided, KNOWN)

    assert asked.node_types == expected
    assert not asked.is_exact


@pytest.mark.parametrize('flavor', ['web.large', 'm1.tiny'])
@pytest.mark.parametrize('decided', [None, 'gpu', 'arm'])
def test_exact_tag_allows_its_node_type_alone(flavor, decided):
    asked = requirement('rendering', flavor, decided, KNOWN)

    assert asked.node_types == {'gpu'}
    assert asked.is_exact


@pytest.mark.parametrize('name', ['old', 'never-heard-of'])
def test_exact_prefix_allows_the_named_node_type_alone(name):
    asked = requirement(f'exact:{name}', 'web.small', 'new', KNOWN)

    assert asked.node_types == {name}
    assert asked.is_exact


def test_unknown_tag_asks_nothing():
    assert requirement('wep', 'web.small', None, KNOWN) is None


def test_figures_of_the_flavor_go_before_those_of_others():
    small = requirement('web', 'web.small', None, KNOWN)
    large = requirement('web', 'web.large', None, KNOWN)

    assert small.targets['new'].preference == 2
    assert large.targets['new'].preference == 3
    assert large.targets['arm'].flavor == hardware.SMALL


@pytest.mark.parametrize(
    ('tag', 'expected'),
    [
        ('web', False),
        ('rendering', True),
        ('exact:arm', True),
        ('unknown', False),
    ],
)
def test_is_exact(tag, expected):
    assert is_exact(tag, KNOWN) is expected
