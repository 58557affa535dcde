# SPDX-License-Identifier: Apache-2.0

import dataclasses

import pytest

from ecrae.scheduler_filters import request
from tests import hardware


KNOWN = hardware.knowledge()


class Flavor(dict):
    """A flavor as Nova's objects are: ``in`` asks for a field."""

    def __getattr__(self, name):
        return self[name]


@dataclasses.dataclass
class Spec:
    """The part of Nova's RequestSpec that ECRAE looks at."""

    flavor: Flavor
    hints: dict

    def get_scheduler_hint(self, name, default=None):
        value = self.hints.get(name, default)
        if isinstance(value, list) and len(value) == 1:
            return value[0]
        return value


def _spec(own=None, sold=None, **hints):
    if own is not None:
        hints['ecrae:tag'] = own
    specs = {} if sold is None else {'ecrae:tag': sold}
    return Spec(Flavor(name='web.small', extra_specs=specs), hints)


@pytest.mark.parametrize(
    ('own', 'sold', 'expected'),
    [
        (None, None, None),
        (['web'], None, 'web'),
        ('web', None, 'web'),
        (['web', 'rendering'], None, 'web'),
        ([], None, None),
        ('', 'web', 'web'),
        (None, 'web', 'web'),
        ('rendering', 'web', 'rendering'),
        ('web', 'rendering', 'rendering'),
        ('exact:arm', 'exact:new', 'exact:new'),
        ('web', 'unknown', 'web'),
    ],
)
def test_tag_that_counts(own, sold, expected):
    spec = _spec(own, sold)

    assert request.tag(spec, KNOWN) == expected
    assert request.is_tagged(spec) is bool(expected)


def test_flavor_whose_extra_specs_were_not_loaded():
    assert not request.is_tagged(Spec(Flavor(name='web.small'), {}))


def test_requirement_of_tag_flavor_and_decision():
    spec = _spec('web', **{'ecrae:node_type': ['new']})

    assert request.requirement_of(spec, KNOWN).node_types == {'new'}


@pytest.mark.parametrize('own', [None, 'wep'])
def test_nothing_is_asked(own):
    assert request.requirement_of(_spec(own), KNOWN) is None
