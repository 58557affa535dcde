# SPDX-License-Identifier: Apache-2.0

"""Hosts of a real Nova go to sleep and wake; nobody is left on them."""

import time

import pytest

from ecrae import exception
from ecrae.clients import session as sessions
from ecrae.kb import db
from ecrae.kb import hosts
from ecrae.migration.hosts import drivers
from ecrae.migration.hosts import enactors
from ecrae.model import plan
from ecrae.model.cluster import HostState
from tests.cloud.test_redeploy import conf as conf
from tests.cloud.testcloud import REFRESH_S


#: Nobody but the test places anything on it.
HOST = 'power-1'
TAG = 'exact:power-power9'


@pytest.fixture
def database(conf):
    return db.Database(conf.ecrae_database.connection)


def _service(admin):
    return next(
        service
        for service in admin.sdk.compute.services(binary='nova-compute')
        if service.host == HOST
    )


def _state(database):
    with database.reader() as session:
        return hosts.list_all(session)[HOST].state


def _enact(kind, conf, database):
    made = kind(
        sessions.from_options(conf),
        database,
        None,  # no agents report to this knowledge base
        drivers.Drivers({'noop': drivers.NoopDriver()}, 'noop', {}),
        enactors.Waits(settle_s=3.0, sleep_s=60, wake_s=60, poll_s=1),
    )
    action = plan.Action(
        kind=plan.ActionKind.SLEEP,
        workload='',
        source=HOST,
        destination=HOST,
        reason='test',
        saving_w=0.0,
        cost_j=0.0,
    )
    made(action, cancelled=lambda: False)


def test_an_empty_host_leaves_service_and_comes_back(
    conf, database, admin, demo, name
):
    _enact(enactors.SleepEnactor, conf, database)
    try:
        service = _service(admin)
        assert service.status == 'disabled'
        assert service.disabled_reason.startswith('ECRAE: ')
        assert _state(database) is HostState.ASLEEP
        refused = demo.boot_tagged(name, 'm1.tiny', TAG, 'ppc64le')
        assert refused.status == 'ERROR'
        demo.delete(refused)
        # A second rebalancer that does it again changes nothing.
        _enact(enactors.SleepEnactor, conf, database)
    finally:
        _enact(enactors.WakeEnactor, conf, database)
        time.sleep(REFRESH_S)
    assert _service(admin).status == 'enabled'
    assert _state(database) is HostState.AWAKE
    booted = demo.boot_tagged(f'{name}-2', 'm1.tiny', TAG, 'ppc64le')
    assert booted.compute_host == HOST


def test_a_host_with_a_server_stays_in_service(
    conf, database, admin, demo, name
):
    server = demo.boot_tagged(name, 'm1.tiny', TAG, 'ppc64le')
    assert server.compute_host == HOST
    demo.sdk.compute.stop_server(server)

    with pytest.raises(exception.Conflict, match=f'server {server.id}'):
        _enact(enactors.SleepEnactor, conf, database)

    assert _service(admin).status == 'enabled'
    assert _state(database) is HostState.AWAKE


def test_a_host_that_the_operator_took_is_left_alone(conf, database, admin):
    service = _service(admin)
    admin.sdk.compute.disable_service(service, disabled_reason='new memory')
    try:
        for kind in (enactors.SleepEnactor, enactors.WakeEnactor):
            with pytest.raises(exception.Conflict, match='new memory'):
                _enact(kind, conf, database)
        assert _service(admin).disabled_reason == 'new memory'
    finally:
        admin.sdk.compute.enable_service(service)
