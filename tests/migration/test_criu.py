# SPDX-License-Identifier: Apache-2.0

"""Real processes, real CRIU, two agents over RabbitMQ."""

import json
import shutil
import socket
import threading
import time

import pytest
from testnodes import nodes
from testnodes import workloads

from ecrae import exception


@pytest.mark.parametrize('mode', ['stop-and-copy', 'post-copy'])
def test_a_process_moves_with_its_memory(fleet, workload, two, mode):
    found = fleet.migrate('criu:web', 'one', 'two', mode)
    assert found['phase'] == 'released', found
    assert workload.hosts_beating() == {'two'}
    assert workload.is_intact(two)
    assert fleet.call('get_migration', 'two', found['id'])['phase'] == 'kept'


def test_there_and_back_again(fleet, workload, one):
    assert fleet.migrate('criu:web', 'one', 'two')['phase'] == 'released'
    found = fleet.migrate('criu:web', 'two', 'one')
    assert found['phase'] == 'released', found
    assert workload.hosts_beating() == {'one'}
    assert workload.is_intact(one)


def test_an_operator_sees_what_a_host_can_and_how_far_a_move_is(
    fleet, workload, one
):
    def is_reported():
        found = json.loads(fleet.ecrae(*_SHOW).stdout)
        return found if found['workloads'] else None

    nodes.wait_for(is_reported, 'the workload to be reported', 60.0)
    shown = is_reported()
    assert shown['up']
    assert shown['drivers']['criu']['version'] >= '4.2'
    assert shown['drivers']['criu']['features']['uffd-noncoop'] == ''
    assert [each['name'] for each in shown['workloads']] == ['criu:web']

    one.shape('100mbit')
    try:
        done = fleet.ecrae(
            *('migrate', 'criu:web', 'two', '--mode', 'stop-and-copy'),
            *('-f', 'json'),
        )
    finally:
        one.shape()
    moved = json.loads(done.stdout)
    assert (moved['source'], moved['destination']) == ('one', 'two')
    assert any('MiB/s' in line for line in done.stderr.splitlines())
    words = ('migration', 'show', moved['id'], '-f', 'json')
    assert json.loads(fleet.ecrae(*words).stdout)['phase'] == 'released'


_SHOW = ('agent', 'show', 'one', '-f', 'json')


def test_auto_takes_the_best_of_this_kernel_and_says_why(fleet, workload):
    plan = fleet.call('plan_migration', 'one', 'criu:web', 'two', 'auto')
    assert plan['mode'] == 'post-copy'
    assert plan['reason'] == 'best that one and two support'
    assert workload.hosts_beating() == {'one'}


def test_what_the_kernel_cannot_do_is_said_before_anything_is_touched(
    fleet, workload
):
    offers = fleet.call('get_offers', 'one', 'criu')
    if not offers['modes']['pre-copy']:
        found = fleet.migrate('criu:web', 'one', 'two', 'pre-copy')
        assert found['phase'] == 'released', found
        return
    with pytest.raises(exception.PreCheckFailed, match='Dirty tracking'):
        fleet.call('migrate', 'one', 'criu:web', 'two', 'pre-copy')
    assert workload.hosts_beating() == {'one'}


def test_pages_out_of_reach_leave_it_at_the_source_at_once(
    fleet, workload, one, two
):
    """criu would wait for ever for what its pages' keeper has killed."""
    rule = (
        *('OUTPUT', '-p', 'tcp', '-d', one.address),
        *('--dport', '27100:27199', '-j', 'REJECT'),
    )
    two.run('iptables', '-A', *rule)
    try:
        found = fleet.migrate('criu:web', 'one', 'two', 'post-copy')
    finally:
        two.run('iptables', '-D', *rule)
    assert found['phase'] == 'returned'
    assert workload.hosts_beating() == {'one'}
    assert workload.is_intact(one)


@pytest.fixture
def apart(fleet, one, two):
    """A workload whose pids are its own; on ``two`` the outer is taken."""
    found = workloads.Workload(fleet.site, fleet.shared, 'apart')
    found.start(one, 16, 0, is_apart=True)
    taken = two.run(
        'sh',
        '-c',
        f'echo {found.pid - 1} > /proc/sys/kernel/ns_last_pid;'
        'setsid sleep 300 >/dev/null 2>&1 & echo $!',
    ).stdout.strip()
    yield found
    found.stop()
    two.run('kill', taken)


def test_a_tree_with_pids_of_its_own_moves_whatever_pids_are_free(
    fleet, apart, one, two
):
    plan = fleet.call('plan_migration', 'one', 'criu:apart', 'two', 'auto')
    assert plan['mode'] == 'stop-and-copy'
    assert 'lazily' in plan['reason']
    found = fleet.migrate('criu:apart', 'one', 'two')
    assert found['phase'] == 'released', found
    assert apart.hosts_beating() == {'two'}
    apart.pid = apart.registered_pid(two)
    assert apart.is_intact(two)
    status = two.run('cat', f'/proc/{apart.pid}/status').stdout
    assert f'NSpid:\t{apart.pid}\t1\n' in status
    found = fleet.migrate('criu:apart', 'two', 'one')
    assert found['phase'] == 'released', found
    apart.pid = apart.registered_pid(one)
    assert apart.is_intact(one)


_SAYS_IT_FAILED = """#!/bin/sh
/srv/criu.real "$@" || exit
[ "$1" != restore ]
"""


def test_a_restored_tree_with_pids_of_its_own_that_may_not_stay_goes(
    fleet, apart, one, two
):
    criu = '/usr/sbin/criu'
    two.run('cp', criu, '/srv/criu.real')
    script = two.private / 'var' / 'criu'
    script.write_text(_SAYS_IT_FAILED)
    script.chmod(0o755)
    two.run('mount', '--bind', '/srv/criu', criu)
    try:
        found = fleet.migrate('criu:apart', 'one', 'two')
    finally:
        two.run('umount', '-l', criu)
    assert found['phase'] == 'returned', found
    assert apart.hosts_beating() == {'one'}
    assert apart.is_intact(one)
    assert two.pids(apart.beats.name) == []


def test_mounts_of_its_own_are_refused(fleet, one, two):
    pid = one.daemon('unshare', '-m', 'sleep', '300')
    path = one.private / 'var' / 'workloads' / 'mounts.json'
    path.write_text(json.dumps({'pid': pid}))
    try:
        with pytest.raises(exception.PreCheckFailed, match='mounts of its'):
            fleet.call('migrate', 'one', 'criu:mounts', 'two', 'auto')
    finally:
        path.unlink()
        one.run('kill', str(pid))


def test_a_tcp_client_keeps_its_connection(fleet, one, workload):
    """The workload's address moves with it."""
    address = '10.77.0.100'
    workload.stop()
    one.run('ip', 'address', 'add', f'{address}/24', 'dev', 'mgmt')
    moving = fleet.workload(one, 'echo', 16, port=7000)
    moving.register(
        one, addresses=[{'address': f'{address}/24', 'device': 'mgmt'}]
    )
    client = fleet.site.socket()
    try:
        client.settimeout(30.0)
        client.connect((address, 7000))
        _exchange(client, b'before')
        stop = threading.Event()
        silence: list[float] = []
        talk = threading.Thread(target=_talk, args=(client, stop, silence))
        talk.start()
        found = fleet.migrate('criu:echo', 'one', 'two', 'stop-and-copy')
        stop.set()
        talk.join(60)
        assert found['phase'] == 'released', found
        _exchange(client, b'after')
        assert moving.hosts_beating() == {'two'}
        assert silence
    finally:
        client.close()
        moving.stop()


def _exchange(client: socket.socket, words: bytes) -> None:
    client.sendall(words)
    assert client.recv(100) == words


def _talk(client, stop, silence):
    while not stop.is_set():
        started = time.monotonic()
        _exchange(client, b'ping')
        silence.append(time.monotonic() - started)
        time.sleep(0.02)


def test_a_name_clash_is_refused(fleet, workload, two):
    path = two.private / 'var' / 'workloads' / 'web.json'
    path.write_text(json.dumps({'pid': 1}))
    try:
        with pytest.raises(exception.PreCheckFailed, match='web already'):
            fleet.call('migrate', 'one', 'criu:web', 'two', 'auto')
    finally:
        path.unlink()
    assert workload.hosts_beating() == {'one'}


def test_taken_pids_and_missing_files_are_refused_together(
    fleet, workload, two
):
    two.run('mv', '/usr/bin/python3.13', '/usr/bin/python3.away')
    sleeper = two.run(
        'sh',
        '-c',
        f'echo {workload.pid - 1} > /proc/sys/kernel/ns_last_pid;'
        'setsid sleep 60 >/dev/null 2>&1 & echo $!',
    ).stdout.strip()
    try:
        with pytest.raises(exception.PreCheckFailed) as refusal:
            fleet.call('migrate', 'one', 'criu:web', 'two', 'auto')
    finally:
        two.run('mv', '/usr/bin/python3.away', '/usr/bin/python3.13')
        two.run('kill', sleeper)
    assert 'no file /usr/bin/python3.13' in str(refusal.value)
    if int(sleeper) == workload.pid:
        assert f'pids {sleeper}' in str(refusal.value)
    assert workload.hosts_beating() == {'one'}


def test_another_build_of_the_program_is_refused(fleet, workload, two):
    """Of the same name and size: only criu would notice, too late."""
    two.run(
        'sh',
        '-c',
        'cp /usr/bin/python3.13 /run/other && '
        'printf x | dd of=/run/other bs=1 seek=900 conv=notrunc && '
        'mount --bind /run/other /usr/bin/python3.13',
    )
    try:
        with pytest.raises(exception.PreCheckFailed, match='another build'):
            fleet.call('migrate', 'one', 'criu:web', 'two', 'auto')
    finally:
        two.run('umount', '-l', '/usr/bin/python3.13')
    assert workload.hosts_beating() == {'one'}


def test_a_cpu_that_lacks_a_flag_is_refused(fleet, workload, two):
    two.run(
        'sh',
        '-c',
        'sed "s/ sse4_2//" /proc/cpuinfo > /run/cpuinfo && '
        'mount --bind /run/cpuinfo /proc/cpuinfo',
    )
    try:
        with pytest.raises(exception.PreCheckFailed, match='lacks sse4_2'):
            fleet.call('migrate', 'one', 'criu:web', 'two', 'auto')
    finally:
        two.run('umount', '/proc/cpuinfo')
    assert workload.hosts_beating() == {'one'}


def test_too_small_a_disk_is_refused(fleet, workload, two):
    two.run(
        'mount', '-t', 'tmpfs', '-o', 'size=32m', 'tmpfs', '/srv/migrations'
    )
    fleet.restart_agent(two)
    try:
        with pytest.raises(exception.PreCheckFailed, match='MiB free'):
            fleet.call('migrate', 'one', 'criu:web', 'two', 'stop-and-copy')
    finally:
        two.run('umount', '-l', '/srv/migrations')
        fleet.restart_agent(two)
    assert workload.hosts_beating() == {'one'}


def test_a_revoked_certificate_opens_no_door_but_a_new_one_does(
    fleet, workload, one, two
):
    """No agent is restarted for that."""
    fleet.manage('certificate', 'revoke', 'one', '--ca', str(fleet.ca))
    shutil.copy(fleet.ca / 'crl.pem', fleet.certificates('two'))
    found = fleet.migrate('criu:web', 'one', 'two')
    assert found['phase'] == 'returned', found
    assert workload.hosts_beating() == {'one'}
    fleet.certify('one', one.address)
    found = fleet.migrate('criu:web', 'one', 'two')
    assert found['phase'] == 'released', found
    assert workload.hosts_beating() == {'two'}
    assert workload.is_intact(two)


def test_two_at_once_are_refused(fleet, workload, one):
    one.shape('10mbit')
    try:
        job = fleet.call('migrate', 'one', 'criu:web', 'two', 'stop-and-copy')
        with pytest.raises(exception.Conflict, match='in migration'):
            fleet.call('migrate', 'one', 'criu:web', 'two', 'stop-and-copy')
        one.shape()
        assert fleet.wait('one', job['id'])['phase'] == 'released'
    finally:
        one.shape()
    assert workload.hosts_beating() == {'two'}


def test_cancelling_a_post_copy_brings_it_back(fleet, one):
    big = fleet.workload(one, 'big', 256)
    one.shape('100mbit')
    try:
        job = fleet.call('migrate', 'one', 'criu:big', 'two', 'post-copy')
        _wait_for_phase(fleet, job['id'], 'handed-over')
        fleet.call('cancel_migration', 'one', job['id'])
        assert fleet.wait('one', job['id'])['phase'] == 'returned'
        assert big.hosts_beating() == {'one'}
        assert big.is_intact(one)
    finally:
        one.shape()
        big.stop()


def _wait_for_phase(fleet, migration_id, phase):
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        found = fleet.call('get_migration', 'one', migration_id)
        if found['phase'] == phase:
            return
    raise AssertionError(found)
