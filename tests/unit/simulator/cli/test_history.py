# SPDX-License-Identifier: Apache-2.0

"""``ecrae simulate --history`` over a cloud that is its HTTP answers."""

import json

import pytest

from ecrae.cmd import shell
from tests.unit import cataloguing
from tests.unit.clients import wire
from tests.unit.cmd import measured


KINDS = {'compute-1': 'x86-xeon-8380', 'compute-2': 'arm-altra-q80'}


@pytest.fixture
def cloud(tmp_path, monkeypatch, requests_mock):
    """Two hosts, two servers that were measured, and a configuration."""
    monkeypatch.chdir(tmp_path)
    url = cataloguing.make(tmp_path, KINDS).engine.url
    (tmp_path / 'ecrae.conf').write_text(
        f'[ecrae_database]\nconnection = {url}\n'
    )
    servers = []
    for name, host in (('web', 'compute-1'), ('db', 'compute-2')):
        measured.use(tmp_path, name, 0.8, count=60)
        found = measured.server(name, host, 'm1.small')
        found['flavor'] |= {'vcpus': 2, 'ram': 4096, 'disk': 20}
        servers.append(found)
    cloud = measured.serve(tmp_path, requests_mock, *servers)
    cloud.hosts(*(wire.hypervisor(name) for name in KINDS))
    cloud.rooms({f'uuid-{name}': wire.summary() for name in KINDS})


@pytest.fixture
def run(capsys):
    def _run(line):
        code = shell.main(['--config-file', 'ecrae.conf', *line.split()])
        output = capsys.readouterr()
        return code, output.out, output.err

    return _run


@pytest.mark.usefixtures('cloud')
def test_the_clouds_own_hour_is_replayed(run):
    code, output, errors = run(
        'simulate --history 1 --policy none --policy ecrae -f json'
    )
    assert (code, errors) == (0, '')
    rows = {row['policy']: row for row in json.loads(output)}
    assert rows['none']['mean_hosts_on'] == 2
    assert rows['ecrae']['mean_hosts_on'] < 2
    assert rows['ecrae']['saved_percent'] > 10
    assert rows['lower bound']['kwh'] <= rows['ecrae']['kwh']


@pytest.mark.usefixtures('cloud')
def test_it_is_either_a_trace_or_the_cloud(run):
    for line in (
        'simulate',
        'simulate x.csv --history 1',
        'simulate --history 1 --fleet x.csv',
    ):
        code, _, errors = run(line)
        assert code == 2
        assert '--history' in errors
