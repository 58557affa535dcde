# SPDX-License-Identifier: Apache-2.0

import dataclasses

import hypothesis
import hypothesis.strategies as st
import pytest

from ecrae.model import speed
from ecrae.model.knowledge import Tag
from ecrae.model.knowledge import TagKind
from ecrae.model.knowledge import TagTarget
from ecrae.model.learning import Usage
from tests import hardware


TAG = Tag(
    name='web',
    kind=TagKind.HINT,
    description='',
    targets=tuple(
        TagTarget(
            node_type=hardware.NODE_TYPES[name],
            flavor=flavor,
            preference=place,
            relative_speed=relative_speed,
        )
        for place, (name, relative_speed) in enumerate(
            (('new', 1.0), ('arm', 0.4), ('old', 0.7)), start=1
        )
        for flavor in (hardware.SMALL, hardware.LARGE)
    ),
)


def usage(node_type, requests_per_s, cores_used=0.5, samples=200):
    return Usage(
        node_type=node_type,
        flavor=hardware.SMALL.name,
        cores_used=cores_used,
        samples=samples,
        requests_per_s=requests_per_s,
    )


def speeds(*usages):
    tag = speed.learned(TAG, speed.lessons(TAG, usages))
    found = {}
    for target in tag.targets:
        found.setdefault(target.node_type.name, set()).add(
            target.relative_speed
        )
    assert all(len(values) == 1 for values in found.values())
    return {name: values.pop() for name, values in found.items()}


def test_requests_for_a_busy_core_against_the_reference():
    found = speeds(usage('new', 100, 0.5), usage('arm', 60, 0.6))
    assert found == {'new': 1.0, 'arm': pytest.approx(0.5), 'old': 0.7}


def test_servers_count_by_their_cores_and_samples():
    (lesson,) = speed.lessons(
        TAG,
        [
            usage('new', 100, 1.0),
            usage('arm', 10, 0.5, samples=100),
            usage('arm', 30, 0.5, samples=300),
        ],
    )
    assert (lesson.servers, lesson.samples) == (2, 400)
    assert lesson.measured == pytest.approx(25 / 0.5 / 100)


@hypothesis.given(st.floats(1e-3, 1e6))
def test_a_step_is_no_more_than_a_factor_of_two(requests_per_s):
    found = speeds(usage('new', 100), usage('arm', requests_per_s))
    assert 0.2 <= found['arm'] <= 0.8
    assert found['new'] == 1.0


@hypothesis.given(st.floats(1e-3, 1e3))
def test_what_a_request_is_does_not_matter(unit):
    usages = [usage('new', 100), usage('arm', 45), usage('old', 80)]
    scaled = [
        dataclasses.replace(each, requests_per_s=each.requests_per_s * unit)
        for each in usages
    ]
    assert speeds(*scaled) == pytest.approx(speeds(*usages))


@pytest.mark.parametrize(
    'usages',
    [
        [usage('arm', 60)],
        [usage('new', 100, samples=95), usage('arm', 60)],
        [usage('new', 100), usage('arm', 60, samples=95)],
        [usage('new', 100), usage('arm', None)],
        [usage('new', 100), usage('arm', 60, cores_used=0.01)],
        [usage('new', 100), usage('gpu', 60)],
    ],
    ids=['no reference', 'short reference', 'short', 'uncounted', 'idle',
         'stranger'],
)  # fmt: skip
def test_nothing_is_learned_of_too_little(usages):
    assert speeds(*usages) == {'new': 1.0, 'arm': 0.4, 'old': 0.7}
