# SPDX-License-Identifier: Apache-2.0

"""Pre-copy up to criu's command line: this kernel may not track memory."""

import time

import pytest

from ecrae.migration import job as jobs
from ecrae.migration.drivers.criu import rounds
from ecrae.privsep import criu as privileged


def _value(words, option):
    return words[words.index(option) + 1]


def _folders(calls):
    return [_value(c, '--images-dir').rpartition('/')[2] for c in calls]


def test_rounds_go_on_while_they_shrink_what_is_left(criu, ends):
    criu.dirties(130000, 9000, 500)
    ends.move(jobs.Mode.PRE_COPY)
    sent = criu.calls('pre-dump', 'dump')
    assert [c[0] for c in sent] == ['pre-dump'] * 3 + ['dump']
    assert _folders(sent) == ['1', '2', '3', '4']
    assert all('--track-mem' in c for c in sent)
    assert '--prev-images-dir' not in sent[0]
    assert [_value(c, '--prev-images-dir') for c in sent[1:]] == [
        '../1',
        '../2',
        '../3',
    ]
    assert (
        f'pre-copy ended: {rounds.Verdict.ENOUGH}, [130000, 9000, 500] pages'
    ) in ends.told


def test_each_round_has_a_page_server_of_its_own(criu, ends):
    criu.dirties(130000, 500)
    ends.move(jobs.Mode.PRE_COPY)
    served = {
        _value(c, '--port'): _value(c, '--images-dir').rpartition('/')[2]
        for c in criu.calls('page-server')
    }
    for call in criu.calls('pre-dump', 'dump'):
        number = _value(call, '--images-dir').rpartition('/')[2]
        assert served[_value(call, '--port')] == number


def test_servers_of_rounds_that_were_not_needed_end(criu, ends):
    criu.dirties(130000, 500)
    job, coming = ends.move(jobs.Mode.PRE_COPY)
    assert len(criu.calls('page-server')) > 3
    coming.finish(job)
    assert not privileged._running


def test_the_copy_is_made_of_the_last_round(criu, ends):
    criu.dirties(130000, 500)
    ends.move(jobs.Mode.PRE_COPY)
    assert _folders(criu.calls('restore')) == ['3']


@pytest.mark.parametrize(
    ('pages', 'limits', 'verdict'),
    [
        ([130000, 90000, 88000], rounds.DEFAULT, rounds.Verdict.DIVERGES),
        (
            [130000, 60000],
            rounds.Limits(max_rounds=2),
            rounds.Verdict.LIMIT,
        ),
    ],
)
def test_what_does_not_converge_is_stopped_and_copied(
    criu, ends, pages, limits, verdict
):
    criu.dirties(*pages, 0, 0, 0)
    ends.move(jobs.Mode.PRE_COPY, limits)
    assert len(criu.calls('pre-dump')) == len(pages)
    assert len(criu.calls('dump')) == 1
    assert any(str(verdict) in told for told in ends.told)


def test_a_hybrid_gets_the_rest_lazily(criu, ends):
    criu.dirties(130000, 90000, 88000)
    job, coming = ends.move(jobs.Mode.HYBRID)
    (dump,) = criu.calls('dump')
    assert '--lazy-pages' in dump
    assert _value(dump, '--prev-images-dir') == '../3'
    (daemon,) = criu.calls('lazy-pages')
    assert _value(daemon, '--port') == _value(dump, '--port')
    assert '--lazy-pages' in criu.calls('restore')[0]
    deadline = time.monotonic() + 20.0
    while not coming.is_complete(job):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_the_workload_runs_on_during_the_rounds(criu, ends, workload):
    criu.dirties(130000, 500)
    ends.prepared(jobs.Mode.PRE_COPY)
    assert _state(workload) not in 'Tt'


def _state(pid):
    with open(f'/proc/{pid}/stat') as file:
        return file.read().rpartition(')')[2].split()[0]
