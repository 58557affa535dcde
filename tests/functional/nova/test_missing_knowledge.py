# SPDX-License-Identifier: Apache-2.0

"""Missing, stale and contradictory knowledge never fails a boot."""

import logging
import os
import time

import nova.conf
import pytest
from nova import exception

from ecrae.model.knowledge import Knowledge
from tests.functional.nova.topology import Cloud
from tests.functional.nova.topology import Scheduler


EMPTY = Knowledge(tags={}, node_types={}, flavors={})


@pytest.fixture
def cloud():
    return (
        Cloud()
        .add('old-1', 'old', vcpus_used=0)
        .add('new-1', 'new', vcpus_used=4)
        .add('arm-1', 'arm', vcpus_used=8)
    )


@pytest.fixture
def enabled(conf, enable):
    conf.config(group='ecrae_scheduler', refresh_interval=1, max_age=4)
    enable('EcraeTagFilter', 'EcraeDrainFilter')


def _eventually(scheduler, host, tag='web'):
    deadline = time.monotonic() + 20
    while scheduler.boot(tag) != [host]:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def _lines(caplog):
    return [
        record.levelname
        for record in caplog.records
        if record.name == 'ecrae.scheduler_filters.keeper'
    ]


def test_no_database_at_all(cloud, enabled, caplog):
    scheduler = Scheduler(cloud)

    # As untagged: Nova spreads.
    assert scheduler.boot('web') == ['old-1']
    assert scheduler.boot('exact:gpu') == ['old-1']
    assert scheduler.boot() == ['old-1']
    assert _lines(caplog) == ['WARNING']


def test_database_arrives_later(cloud, enabled, knowledge_base, caplog):
    caplog.set_level(logging.INFO)
    scheduler = Scheduler(cloud)
    assert scheduler.boot('web') == ['old-1']

    knowledge_base(cloud.knowledge())

    _eventually(scheduler, 'arm-1')
    assert _lines(caplog) == ['WARNING', 'INFO']


def test_knowledge_is_emptied_and_comes_back(
    cloud, enabled, knowledge_base, caplog
):
    caplog.set_level(logging.INFO)
    knowledge_base(cloud.knowledge())
    scheduler = Scheduler(cloud)
    assert scheduler.boot('web') == ['arm-1']

    knowledge_base(EMPTY)
    _eventually(scheduler, 'old-1')
    knowledge_base(cloud.knowledge())
    _eventually(scheduler, 'arm-1')

    assert _lines(caplog) == ['WARNING', 'INFO']


def test_database_breaks_and_is_mended(cloud, enabled, knowledge_base, caplog):
    caplog.set_level(logging.INFO)
    knowledge_base(cloud.knowledge())
    scheduler = Scheduler(cloud)
    assert scheduler.boot('web') == ['arm-1']

    url = nova.conf.CONF.ecrae_database.connection
    path = url.removeprefix('sqlite:///')
    os.rename(path, f'{path}.away')
    _eventually(scheduler, 'old-1')
    os.rename(f'{path}.away', path)
    _eventually(scheduler, 'arm-1')

    assert _lines(caplog) == ['WARNING', 'INFO']


def test_unknown_host_takes_hints_last_and_exact_tags_never(
    cloud, enable, knowledge_base
):
    cloud.add('strange-1', 'gpu', is_known=False)
    knowledge_base(cloud.knowledge())
    enable('EcraeTagFilter')
    scheduler = Scheduler(cloud)

    assert scheduler.boot('web') == ['arm-1']
    assert scheduler.ranked[0] == 'arm-1'
    assert 'strange-1' in scheduler.ranked
    with pytest.raises(exception.NoValidHost):
        scheduler.boot('exact:gpu')


def test_only_unknown_hosts_are_left(enable, knowledge_base):
    cloud = (
        Cloud()
        .add('strange-1', 'arm', is_known=False, vcpus_used=9)
        .add('strange-2', 'arm', is_known=False)
    )
    knowledge_base(cloud.knowledge())
    enable('EcraeTagFilter')

    assert Scheduler(cloud).boot('web') == ['strange-2']


def test_one_host_name_in_two_cells(enable, knowledge_base, caplog):
    cloud = (
        Cloud()
        .add('twin', 'arm', cell='cell1', hypervisor='twin.one')
        .add('twin', 'arm', cell='cell2', hypervisor='twin.two')
        .add('new-1', 'new', vcpus_used=30)
    )
    knowledge_base(cloud.knowledge())
    enable('EcraeTagFilter')
    scheduler = Scheduler(cloud)

    # Which of them is an ARM machine cannot be told.
    with pytest.raises(exception.NoValidHost):
        scheduler.boot('exact:arm')
    assert scheduler.boot('exact:new') == ['new-1']
    assert len([m for m in caplog.messages if 'different cells' in m]) == 1
