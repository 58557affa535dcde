# SPDX-License-Identifier: Apache-2.0

import datetime

import pytest

from ecrae.kb import catalogue
from ecrae.migration.rebalancer import strain
from ecrae.model.fleet import FleetServer
from ecrae.model.reading import Metric
from ecrae.model.reading import Reading
from ecrae.model.reading import Subject


KNOWN = catalogue.load()
LIMIT = {'ecrae:max_load': '0.5'}


def _reading(metric, value):
    return Reading(
        subject=Subject.INSTANCE,
        name='s',
        metric=metric,
        value=value,
        source='test',
        measured_at=datetime.datetime(2026, 11, 18, tzinfo=datetime.UTC),
    )


BOTH = (
    _reading(Metric.CPU_CORES_USED, 3.0),
    _reading(Metric.REQUESTS_PER_S, 70.0),
)


def _seen(
    metadata=None, extra_specs=None, max_load=None, readings=BOTH, **facts
):
    server = FleetServer(
        **{
            'id': 's',
            'name': 'web',
            'host': 'h',
            'status': 'ACTIVE',
            'task': '',
            'is_locked': False,
            'vcpus': 4,
            'memory_mib': 4096,
            'disk_gib': 10,
            'extra_specs': extra_specs or {},
            'metadata': metadata or {},
            **facts,
        }
    )
    return strain.components([server], readings, KNOWN, max_load)


def test_a_threshold_makes_a_component():
    assert _seen() == ()
    (found,) = _seen(LIMIT)
    assert (found.busy_cores, found.max_load) == (3.0, 0.5)
    assert found.strain == 1.5
    (found,) = _seen({'ecrae:max_requests_per_s': '35'})
    assert found.strain == 2.0


def test_the_owner_goes_before_the_flavor_and_that_before_the_operator():
    (found,) = _seen(LIMIT, {'ecrae:max_load': '0.9'}, 0.8)
    assert found.max_load == 0.5
    (found,) = _seen({}, {'ecrae:max_load': '0.9'}, 0.8)
    assert found.max_load == 0.9
    (found,) = _seen(max_load=0.8)
    assert found.max_load == 0.8


def test_the_tag_may_come_from_the_flavor():
    (found,) = _seen(LIMIT, {'ecrae:tag': 'web-frontend'})
    assert found.tag == KNOWN.tags['web-frontend']


@pytest.mark.parametrize('text', ['', 'much', '-1', '0', 'inf', 'nan'])
def test_what_is_no_threshold_is_none(text):
    assert _seen({'ecrae:max_load': text}) == ()


@pytest.mark.parametrize(
    'facts',
    [
        {'task': 'migrating'},
        {'is_locked': True},
        {'metadata': LIMIT | {'ecrae:pinned': 'true'}},
        {'extra_specs': {'ecrae:pinned': 'true'}},
        {
            'metadata': LIMIT | {'ecrae:pinned': 'false'},
            'extra_specs': {'ecrae:pinned': 'true'},
        },
    ],
)
def test_what_must_stay_is_left_alone(facts):
    assert _seen(**{'metadata': LIMIT, **facts}) == ()


def test_consent_to_relocation_is_told():
    assert _seen(LIMIT)[0].is_relocatable is False
    consent = {'ecrae:relocatable': 'true'}
    assert _seen(LIMIT | consent)[0].is_relocatable is True
    assert _seen(LIMIT, consent)[0].is_relocatable is True


def test_requests_count_where_nothing_measures_the_cpu():
    marks = {'ecrae:max_requests_per_s': '35', 'ecrae:max_load': '0.1'}
    (found,) = _seen(marks, readings=BOTH[1:])
    # The load is an estimate, above its threshold, and no reason to move.
    assert found.strain == 2.0
    assert 0.0 < found.busy_cores < 4.0
    assert _seen(LIMIT, readings=BOTH[1:]) == ()
    assert _seen(marks, readings=()) == ()
