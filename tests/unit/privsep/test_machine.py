# SPDX-License-Identifier: Apache-2.0

"""ipmitool's and systemctl's command lines are the wire; here they are."""

import json
import os
import pathlib

import pytest

from ecrae import exception
from ecrae import privsep
from ecrae.privsep import machine


PASSWORD = 'not-for-anyones-eyes'

#: Writes what it was called with, and answers as told.
PROGRAM = """#!{python}
import json, os, sys
folder = {folder!r}
with open(folder + '/called', 'a') as log:
    log.write(json.dumps([sys.argv, dict(os.environ)]) + '\\n')
said = json.load(open(folder + '/says'))
sys.stdout.write(said['out'])
sys.stderr.write(said['err'])
sys.exit(said['code'])
"""


class Programs:
    """Programs of that name, first in the path."""

    def __init__(self, folder, monkeypatch, *names):
        self.folder = folder
        self.says()
        for name in names:
            path = folder / name
            path.write_text(
                PROGRAM.format(python=os.sys.executable, folder=str(folder))
            )
            path.chmod(0o755)
        monkeypatch.setenv('PATH', str(folder))

    def says(self, out='', err='', code=0):
        said = {'out': out, 'err': err, 'code': code}
        (self.folder / 'says').write_text(json.dumps(said))

    @property
    def calls(self):
        log = self.folder / 'called'
        lines = log.read_text().splitlines() if log.exists() else []
        return [json.loads(line) for line in lines]


@pytest.fixture
def programs(tmp_path, monkeypatch):
    monkeypatch.setattr(privsep.context, 'client_mode', False)
    return Programs(tmp_path, monkeypatch, 'ipmitool', 'systemctl')


@pytest.fixture
def controllers(tmp_path):
    path = tmp_path / 'bmc.ini'
    path.write_text(
        '[compute-1]\naddress = 192.0.2.33\nuser = ecrae\n'
        f'password = {PASSWORD}\n'
        '[compute-2]\naddress = bmc-2.example.org\nuser = ecrae\n'
        f'password = {PASSWORD}\ncipher_suite = 3\n'
        '[compute-3]\naddress = 192.0.2.35\nuser = ecrae\n'
        f'[compute-4]\naddress = -oProxy\nuser = x\npassword = {PASSWORD}\n'
    )
    path.chmod(0o600)
    return path


@pytest.mark.parametrize(
    ('host', 'verb', 'words'),
    [
        ('compute-1', 'on', ['17', '192.0.2.33', 'on']),
        ('compute-1', 'soft', ['17', '192.0.2.33', 'soft']),
        ('compute-2', 'off', ['3', 'bmc-2.example.org', 'off']),
    ],
)
def test_a_controller_is_asked_without_a_secret_in_sight(
    programs, controllers, host, verb, words
):
    suite, address, last = words
    assert machine.control_power(str(controllers), host, verb) == ''
    ((argv, environment),) = programs.calls
    assert argv[1:] == [
        *('-I', 'lanplus', '-C', suite, '-N', '2', '-R', '3'),
        *('-H', address, '-U', 'ecrae', '-E', 'power', last),
    ]
    assert environment['IPMI_PASSWORD'] == PASSWORD
    assert set(environment) - {'LC_CTYPE'} == {
        'IPMI_PASSWORD',
        'PATH',
        'LC_ALL',
    }


@pytest.mark.parametrize('state', ['on', 'off'])
def test_a_controller_tells_the_power(programs, controllers, state):
    programs.says(out=f'Chassis Power is {state}\n')
    found = machine.control_power(str(controllers), 'compute-1', 'status')
    assert found == state


def test_a_controller_that_refuses_is_quoted_without_its_password(
    programs, controllers
):
    programs.says(err=f'RAKP 2 HMAC is invalid ({PASSWORD})', code=1)
    with pytest.raises(exception.Unreachable, match='RAKP 2') as refusal:
        machine.control_power(str(controllers), 'compute-1', 'on')
    assert PASSWORD not in str(refusal.value)
    programs.says(out='Unknown')
    with pytest.raises(exception.Unreachable, match='does not tell'):
        machine.control_power(str(controllers), 'compute-1', 'status')


@pytest.mark.parametrize(
    ('host', 'verb', 'error', 'words'),
    [
        ('compute-1', 'sel', exception.UsageError, 'there are on, soft'),
        ('compute-9', 'on', exception.NotFound, r'no section \[compute-9\]'),
        ('compute-3', 'on', exception.ConfigError, 'lacks password'),
        ('compute-4', 'on', exception.ConfigError, 'neither an IP'),
        ('-x', 'on', exception.UsageError, 'no host name'),
    ],
)
def test_what_cannot_be_asked_starts_nothing(
    programs, controllers, host, verb, error, words
):
    with pytest.raises(error, match=words):
        machine.control_power(str(controllers), host, verb)
    assert programs.calls == []


def test_a_file_that_others_can_read_is_refused(programs, controllers):
    for mode in (0o640, 0o604, 0o666):
        controllers.chmod(mode)
        with pytest.raises(exception.ConfigError, match='chmod 0600'):
            machine.control_power(str(controllers), 'compute-1', 'on')
    assert programs.calls == []


def test_a_bad_file_is_not_quoted(programs, controllers):
    controllers.write_text(PASSWORD)
    with pytest.raises(exception.ConfigError, match='INI') as refusal:
        machine.control_power(str(controllers), 'compute-1', 'on')
    assert PASSWORD not in str(refusal.value)
    missing = str(pathlib.Path(controllers).with_name('none'))
    with pytest.raises(exception.ConfigError, match='No such file'):
        machine.control_power(missing, 'compute-1', 'on')


def test_this_host_sleeps_by_systemd(programs):
    machine.sleep('suspend')
    ((argv, _),) = programs.calls
    assert argv[1:] == ['--no-block', 'suspend']
    with pytest.raises(exception.UsageError, match='hibernate'):
        machine.sleep('reboot')
    programs.says(err='Sleep verb not supported', code=1)
    with pytest.raises(exception.ConfigError, match='not supported'):
        machine.sleep('hibernate')
