# SPDX-License-Identifier: Apache-2.0

import hypothesis
import hypothesis.strategies as st
import pytest

from ecrae.model import footprint
from ecrae.model import learning
from tests.unit.model import test_learning
from tests.unit.model.test_learning import TAG
from tests.unit.model.test_learning import TARGET


def usage(memory, memory_samples=200, **fields):
    return test_learning.usage(
        0.5, memory=memory, memory_samples=memory_samples, **fields
    )


def learn(tag, *usages):
    return footprint.learned(tag, footprint.lessons(tag, usages))


def expected(tag):
    return {target.flavor.name: target.expected_memory
            for target in tag.targets}  # fmt: skip


@hypothesis.given(st.floats(0, 1))
def test_a_step_is_bounded_and_many_lead_to_what_was_measured(memory):
    tag = learn(TAG, usage(memory))
    name = TARGET.flavor.name
    assert expected(tag)[name] == pytest.approx(max(0.5, memory))
    for _ in range(20):
        tag = learn(tag, usage(memory))
    aim = max(learning.LOWEST, memory)
    assert expected(tag)[name] == pytest.approx(aim)
    assert learn(tag, usage(memory)) == tag


def test_other_flavors_and_other_figures_stay():
    after = learn(TAG, usage(0.7))
    for old, new in zip(TAG.targets, after.targets, strict=True):
        is_taught = old.flavor.name == TARGET.flavor.name
        assert new.expected_memory == (0.7 if is_taught else 1.0)
        assert new.expected_utilization == old.expected_utilization


def test_any_node_type_teaches_and_an_unknown_flavor_does_not():
    assert expected(learn(TAG, usage(0.7, node_type='vax'))) != expected(TAG)
    assert learn(TAG, usage(0.7, flavor='huge')) == TAG


def test_few_samples_teach_nothing():
    few = usage(0.1, memory_samples=learning.MIN_SAMPLES - 1)
    assert learn(TAG, few) == TAG
    assert footprint.lessons(TAG, [usage(0.1, memory_samples=0)]) == []
