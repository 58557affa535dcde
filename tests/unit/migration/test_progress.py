# SPDX-License-Identifier: Apache-2.0

"""How far a migration is, from what an agent knows."""

import threading
import time

import pytest

from ecrae.migration import job as jobs
from ecrae.migration import journal as journals
from ecrae.migration import progress
from ecrae.migration.drivers import base


@pytest.fixture
def entry(tmp_path):
    job = jobs.Job(
        id='6f1c0a52-98a4-4f4b-9b4e-2f0d8d1b7c11',
        workload='criu:web',
        source='one',
        destination='two',
        mode=jobs.Mode.STOP_AND_COPY,
        needs={'memory_kib': 1024},
    )
    journal = journals.Journal(tmp_path)
    return journal.open(job.id, journals.Role.SOURCE, job.to_dict())


def test_what_nobody_works_on_has_no_progress(entry):
    shown = progress.show(entry, None, 0)
    assert (shown['workload'], shown['destination']) == ('criu:web', 'two')
    assert 'progress' not in shown


def test_the_rate_says_how_long_the_rest_takes(entry, monkeypatch):
    work = progress.Work(threading.Event(), since=100.0)
    monkeypatch.setattr(time, 'monotonic', lambda: 104.0)
    shown = progress.show(entry, work, 256 << 10)['progress']
    assert shown['bytes_total'] == 1024 << 10
    assert shown['rate_bytes_s'] == 64 << 10
    assert shown['left_s'] == 12.0


def test_without_a_rate_the_end_is_not_known(entry):
    work = progress.Work(threading.Event())
    assert progress.show(entry, work, 0)['progress']['left_s'] is None


def test_time_runs_from_the_first_word_of_a_phase():
    work = progress.Work(threading.Event(), since=0.0)
    work.reach(base.Progress(phase='transfer'))
    began = work.since
    assert began > 0.0
    work.reach(base.Progress(phase='transfer'))
    assert work.since == began
