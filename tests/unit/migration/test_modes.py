# SPDX-License-Identifier: Apache-2.0

import pytest

from ecrae import exception
from ecrae.migration import job as jobs
from ecrae.migration import modes


ALL = {
    'post-copy': '',
    'pre-copy': '',
    'pre-copy+post-copy': '',
    'stop-and-copy': '',
}


def _ends(one, two):
    return {'one': {'modes': one}, 'two': {'modes': two}}


def test_auto_takes_the_least_downtime():
    mode, why = modes.choose(jobs.Mode.AUTO, _ends(ALL, ALL))
    assert mode is jobs.Mode.POST_COPY
    assert why == 'best that one and two support'


def test_auto_says_what_it_could_not_take_and_where_not():
    two = {**ALL, 'post-copy': 'pipe-max-size is 1048576'}
    dirty = dict.fromkeys(
        ('pre-copy', 'pre-copy+post-copy'), 'no dirty tracking'
    )
    mode, why = modes.choose(jobs.Mode.AUTO, _ends({**ALL, **dirty}, two))
    assert mode is jobs.Mode.STOP_AND_COPY
    assert 'no post-copy (two: pipe-max-size is 1048576)' in why
    assert 'no pre-copy (one: no dirty tracking)' in why


def test_what_was_asked_for_is_refused_with_the_reason():
    ends = _ends(ALL, {**ALL, 'pre-copy': 'no dirty tracking'})
    with pytest.raises(
        exception.PreCheckFailed, match=r'two: no dirty tracking'
    ):
        modes.choose(jobs.Mode.PRE_COPY, ends)


def test_a_host_without_the_driver_has_no_mode():
    with pytest.raises(exception.PreCheckFailed, match='neither has'):
        modes.choose(jobs.Mode.AUTO, {'one': {}, 'two': {}})
    with pytest.raises(exception.PreCheckFailed, match='does not offer'):
        modes.choose(jobs.Mode.AUTO, {'one': {'modes': ALL}, 'two': {}})
