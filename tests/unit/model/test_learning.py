# SPDX-License-Identifier: Apache-2.0

import hypothesis
import hypothesis.strategies as st
import pytest

from ecrae.model import learning
from ecrae.model.learning import Usage
from tests import hardware


SHARES = st.floats(1e-6, 1.0)
MEASURED = st.floats(0, 100)
TAG = next(iter(hardware.knowledge().tags.values()))
TARGET = TAG.targets[0]


def usage(cores_used, samples=200, **fields):
    named = {
        'node_type': TARGET.node_type.name,
        'flavor': TARGET.flavor.name,
        **fields,
    }
    return Usage(cores_used=cores_used, samples=samples, **named)


def learn(tag, *usages):
    return learning.learned(tag, learning.lessons(tag, usages))


@hypothesis.given(SHARES, MEASURED)
def test_a_step_stays_within_its_bounds(expected, measured):
    after = learning.step(expected, measured)
    assert learning.LOWEST <= after <= learning.HIGHEST
    if expected >= 2 * learning.LOWEST:
        assert expected / 2 <= after <= expected * 2


@hypothesis.given(SHARES, MEASURED, MEASURED)
def test_more_use_is_never_expected_to_be_less(expected, one, two):
    low, high = sorted((one, two))
    assert learning.step(expected, low) <= learning.step(expected, high)


@hypothesis.given(SHARES, MEASURED)
def test_the_same_data_settles_on_what_was_measured(expected, measured):
    for _ in range(20):
        expected = learning.step(expected, measured)
    assert expected == min(1.0, max(learning.LOWEST, measured))
    assert learning.step(expected, measured) == expected


@hypothesis.given(st.lists(st.floats(0, 8), min_size=1, max_size=5))
def test_learning_twice_near_the_truth_changes_nothing(used):
    usages = [usage(cores) for cores in used]
    tag = TAG
    for _ in range(20):
        tag = learn(tag, *usages)
    assert learn(tag, *usages) == tag


def test_use_is_what_the_reference_node_would_show():
    [lesson] = learning.lessons(TAG, [usage(0.5)])
    assert lesson.measured == pytest.approx(
        0.5 / TARGET.flavor.vcpus * TARGET.relative_speed
    )


def test_few_samples_teach_nothing():
    assert learn(TAG, usage(0.0, samples=learning.MIN_SAMPLES - 1)) == TAG


def test_what_the_tag_does_not_name_teaches_nothing():
    strangers = [usage(1.0, node_type='vax'), usage(1.0, flavor='huge')]
    assert learning.lessons(TAG, strangers) == []
    assert learn(TAG, *strangers) == TAG


def test_a_busy_hour_counts_by_its_samples():
    [lesson] = learning.lessons(TAG, [usage(0.0, 300), usage(1.0, 100)])
    [whole] = learning.lessons(TAG, [usage(1.0, 100)])
    assert lesson.measured == pytest.approx(whole.measured / 4)
    assert (lesson.servers, lesson.samples) == (2, 400)
