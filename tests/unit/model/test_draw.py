# SPDX-License-Identifier: Apache-2.0

import dataclasses

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest

from ecrae.model import draw
from ecrae.model import learning
from ecrae.model.draw import Moments
from tests import hardware


WEB = hardware.TAGS['web']
TAGS = {name: dataclasses.replace(WEB, name=name) for name in ('web', 'batch')}
IDLE_W, SLOPE_W = 60.0, 200.0
MOMENTS = 288


def host(
    truth, *, offset_w=0.0, curve_error=0.0, node_type='new', seed=0, shares=()
):
    """A day on a host, its load now of one tag and now of another.

    :param truth: what busy cores of each tag really draw.
    :param shares: in the place of those that change, of each tag.
    """
    rng = np.random.default_rng(seed)
    load = rng.uniform(0.1, 0.9, MOMENTS)
    parts = {
        name: np.full(MOMENTS, dict(shares)[name])
        if name in dict(shares)
        else rng.uniform(0, 1 / len(truth), MOMENTS)
        for name in truth
    }
    dynamic_w = SLOPE_W * load
    relative = 1 + sum(
        (truth[name] - 1) * share for name, share in parts.items()
    )
    real_w = IDLE_W + offset_w + dynamic_w * (relative + curve_error)
    return Moments(
        node_type=node_type,
        power_w=real_w + rng.normal(0, 2.0, MOMENTS),
        expected_w=IDLE_W + dynamic_w,
        dynamic_w=dynamic_w,
        shares=parts,
        servers=dict.fromkeys(truth, 1),
    )


def measured(*hosts, tags=TAGS):
    return {
        name: lesson.measured
        for name, lesson in draw.lessons(tags, hosts).items()
    }


@pytest.mark.parametrize('offset_w', [-20.0, 0.0, 40.0])
@pytest.mark.parametrize('curve_error', [-0.2, 0.0, 0.3])
def test_the_draw_of_a_tag_is_neither_the_hosts_nor_the_curves(
    offset_w, curve_error
):
    truth = {'web': 0.8, 'batch': 1.4}
    hosts = [
        host(truth, offset_w=offset_w, curve_error=curve_error, seed=seed)
        for seed in range(3)
    ]
    assert measured(*hosts) == pytest.approx(truth, abs=0.07)


def test_glitches_of_the_meter_teach_nothing():
    fine = host({'web': 1.4})
    power_w = fine.power_w.copy()
    power_w[::20] = 2000.0
    broken = dataclasses.replace(fine, power_w=power_w)
    assert measured(broken)['web'] == pytest.approx(1.4, abs=0.1)


@pytest.mark.parametrize('present', [1.0, 1.3])
def test_load_of_one_kind_alone_leaves_what_was_believed(present):
    """Then nothing tells the tag's draw from the curve's error."""
    tags = {'web': draw.learned(WEB, lesson(present))}
    alone = host({'web': 1.6}, shares={'web': 1.0})
    assert measured(alone, tags=tags)['web'] == pytest.approx(
        present, abs=0.05
    )


def lesson(value, samples=200):
    return draw.DrawLesson(servers=1, samples=samples, measured=value)


@hypothesis.given(st.lists(st.floats(-10, 10), min_size=1, max_size=8))
def test_whatever_is_measured_a_tag_stays_within_its_bounds(values):
    tag = WEB
    for value in values:
        before = draw.present(tag)
        tag = draw.learned(tag, lesson(value))
        after = draw.present(tag)
        assert draw.LEAST <= after <= draw.MOST
        assert before / 2 - 1e-3 <= after <= before * 2 + 1e-3
        assert {each.relative_draw for each in tag.targets} == {after}


@hypothesis.settings(max_examples=20)
@hypothesis.given(st.integers(0, 100), st.floats(0.6, 1.8))
def test_the_same_data_settles(seed, truth):
    seen = host({'web': truth, 'batch': 1.0}, seed=seed)
    tags = dict(TAGS)
    for _ in range(30):
        found = draw.lessons(tags, [seen])
        tags = {name: draw.learned(tags[name], found[name]) for name in tags}
    found = draw.lessons(tags, [seen])
    assert {n: draw.learned(tags[n], found[n]) for n in tags} == tags
    assert draw.present(tags['web']) == pytest.approx(truth, abs=0.15)


def test_few_samples_and_none_teach_nothing():
    few = lesson(1.5, learning.MIN_SAMPLES - 1)
    assert draw.learned(WEB, few) == WEB == draw.learned(WEB, None)
    assert draw.lessons(TAGS, []) == {}
    empty = {
        field: np.zeros(0) for field in ('power_w', 'expected_w', 'dynamic_w')
    }
    gone = dataclasses.replace(host({'web': 1.0}), shares={}, **empty)
    assert draw.lessons(TAGS, [gone]) == {}


def test_moments_without_the_tag_do_not_count():
    seen = host({'web': 1.2, 'batch': 1.0}, shares={'batch': 0.0})
    found = draw.lessons(TAGS, [seen])
    assert found['batch'].samples == 0
    assert found['web'].samples > 0.9 * MOMENTS
