# SPDX-License-Identifier: Apache-2.0

import logging

import numpy as np
import pytest

from ecrae.model import host_arrays
from ecrae.model.cluster import HostState
from ecrae.scheduler_filters.host_table import HostTable
from tests import hardware
from tests.unit.scheduler_filters.states import State


def _types(table, states):
    names = (*table.node_types, None)
    return [names[i] for i in table.node_type[table.locate(states)]]


def test_host_is_found_by_its_hypervisor_then_by_its_service():
    known = hardware.knowledge({'a.example': 'arm', 'b': 'new'})
    table = HostTable(known, set())

    states = [State('a', 'a.example'), State('b', 'b.example'), State('c')]

    assert _types(table, states) == ['arm', 'new', None]


def test_no_host_is_known():
    table = HostTable(hardware.knowledge(), set())

    assert _types(table, [State('a')]) == [None]
    assert _types(table, []) == []


def test_host_of_a_node_type_that_is_gone_is_unknown():
    known = hardware.knowledge({'a': 'vax'})

    assert _types(HostTable(known, set()), [State('a')]) == [None]


def test_one_name_in_two_cells_is_unknown_and_said_once(caplog):
    known = hardware.knowledge({'a': 'arm', 'b': 'new', 'c': 'old'})
    table = HostTable(known, set())
    twins = [State('a', 'a1', 'cell1'), State('a', 'a2', 'cell2')]

    with caplog.at_level(logging.WARNING):
        found = _types(table, [State('c'), *twins, State('b')])
        # One of them alone is no better known.
        alone = _types(table, [twins[0], State('c')])
        _types(table, twins)

    assert found == ['old', None, None, 'new']
    assert alone == [None, 'old']
    [line] = caplog.messages
    assert "['a']" in line


def test_twins_are_told_apart_by_their_hypervisors():
    known = hardware.knowledge({'a.one': 'arm', 'a.two': 'old'})
    table = HostTable(known, set())
    twins = [State('a', 'a.one', 'cell1'), State('a', 'a.two', 'cell2')]

    assert _types(table, twins) == ['arm', 'old']


def test_nodes_of_one_bare_metal_service_are_no_twins(caplog):
    known = hardware.knowledge({'ironic': 'old'})
    table = HostTable(known, set())

    nodes = [State('ironic', 'node-1'), State('ironic', 'node-2')]

    assert _types(table, nodes) == ['old', 'old']
    assert not caplog.messages


def test_twins_stay_known_as_such_after_the_next_reading():
    known = hardware.knowledge({'a': 'arm', 'b': 'new'})
    ambiguous = set()
    twins = [State('a', 'a1', 'cell1'), State('a', 'a2', 'cell2')]
    HostTable(known, ambiguous).locate(twins)

    later = HostTable(known, ambiguous)

    assert _types(later, [twins[0], State('b')]) == [None, 'new']


def test_only_an_awake_or_unknown_host_is_open():
    known = hardware.knowledge(
        dict.fromkeys('abcd', 'new'),
        b=HostState.DRAINING,
        c=HostState.ASLEEP,
        d=HostState.DOWN,
    )
    table = HostTable(known, set())

    rows = table.locate([State(name) for name in 'abcde'])

    assert table.is_open[rows].tolist() == [True, False, False, False, True]


def test_load_is_estimated_from_what_nova_gave_out():
    known = hardware.knowledge({'a': 'new', 'b': 'new', 'c': 'new'})
    table = HostTable(known, set())
    states = [State('a'), State('b', vcpus_used=32), State('c')]
    # A compute node that has not reported yet.
    states[2].vcpus_used = None

    hosts = table.arrays(table.locate(states), states)

    assert hosts.utilization.tolist() == pytest.approx([0.0, 0.3, 0.0])
    assert host_arrays.draw_w(hosts).tolist() == pytest.approx([60, 120, 60])


def test_sleeping_host_draws_its_sleep_watts():
    known = hardware.knowledge({'a': 'new'}, a=HostState.ASLEEP)
    table = HostTable(known, set())

    hosts = table.arrays(np.array([0]), [State('a')])

    assert host_arrays.draw_w(hosts).tolist() == [5.0]


def test_the_same_states_are_found_again_and_others_afresh():
    known = hardware.knowledge({'a': 'arm', 'b': 'new'})
    table = HostTable(known, set())
    a, b, c = State('a'), State('b'), State('c')

    assert _types(table, [a, b, c]) == ['arm', 'new', None]
    assert _types(table, [a, b, c]) == ['arm', 'new', None]
    assert _types(table, [c, b, a]) == [None, 'new', 'arm']
    assert _types(table, [b]) == ['new']


def test_load_is_that_of_the_moment():
    table = HostTable(hardware.knowledge({'a': 'arm'}), set())
    states = [State('a', vcpus_used=0)]
    before = table.arrays(table.locate(states), states).utilization[0]

    # As HostState.consume_from_request does.
    states[0].vcpus_used = 32
    after = table.arrays(table.locate(states), states).utilization[0]

    assert (before, after) == (0.0, pytest.approx(0.3))


def test_host_that_never_reported_is_idle():
    table = HostTable(hardware.knowledge({'a': 'arm'}), set())
    states = [State('a', vcpus_used=None)]

    assert table.arrays(table.locate(states), states).utilization[0] == 0.0
