# SPDX-License-Identifier: Apache-2.0

import dataclasses
import math

import pytest

from ecrae.scheduler_filters import power_caps
from tests.unit.scheduler_filters.states import State


@dataclasses.dataclass
class Aggregate:
    id: int
    hosts: list
    metadata: dict
    name: str = 'rack'


def _states(**aggregates):
    return [State(name, aggregates=each) for name, each in aggregates.items()]


def test_no_cap_anywhere():
    bare = Aggregate(1, ['a'], {'availability_zone': 'here'})

    assert power_caps.caps(_states(a=(bare,), b=()), 0.0) is None
    assert power_caps.caps([], 0.0) is None


def test_smallest_cap_of_a_host_counts():
    hot = Aggregate(1, ['a', 'b'], {power_caps.HOST_CAP: '300'})
    cool = Aggregate(2, ['b'], {power_caps.HOST_CAP: '200.5'})

    found = power_caps.caps(_states(a=(hot,), b=(hot, cool), c=()), 250.0)

    assert found.host_w.tolist() == [250.0, 200.5, 250.0]
    assert found.groups == ()


def test_hosts_of_a_group_are_present_or_absent():
    rack = Aggregate(1, ['a', 'c', 'z'], {power_caps.CAP: '900'})

    found = power_caps.caps(_states(a=(rack,), b=(), c=(rack,)), 0.0)

    assert found.host_w.tolist() == [math.inf] * 3
    assert found.groups == (power_caps.Group(900.0, [0, 2], frozenset({'z'})),)


@pytest.mark.parametrize('value', ['many', '-1', 'nan', ''])
def test_what_is_no_number_of_watts_caps_nothing(value, caplog):
    rack = Aggregate(hash(value), ['a'], {power_caps.CAP: value})

    assert power_caps.caps(_states(a=(rack,)), 0.0) is None
    assert power_caps.caps(_states(a=(rack,)), 0.0) is None

    assert len(caplog.messages) == 1


def test_cap_of_nothing_lets_nothing_pass():
    off = Aggregate(1, ['a'], {power_caps.HOST_CAP: '0'})

    assert power_caps.caps(_states(a=(off,)), 0.0).host_w.tolist() == [0.0]
