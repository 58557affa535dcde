# SPDX-License-Identifier: Apache-2.0

import os

import pytest
from oslo_config import cfg

from ecrae import exception
from ecrae.clients import session
from tests.unit.clients import wire


@pytest.fixture(autouse=True)
def no_ambient_credentials(monkeypatch, tmp_path):
    for name in [name for name in os.environ if name.startswith('OS_')]:
        monkeypatch.delenv(name)
    monkeypatch.setenv('HOME', str(tmp_path))
    monkeypatch.setenv('XDG_CONFIG_HOME', str(tmp_path))
    monkeypatch.chdir(tmp_path)


def _conf(tmp_path, text):
    path = tmp_path / 'heat.conf'
    path.write_text(text)
    conf = cfg.ConfigOpts()
    conf([], default_config_files=[str(path)])
    return conf


def test_service_connects_with_the_options_of_its_group(tmp_path, cloud):
    conf = _conf(
        tmp_path,
        f"""
[ecrae_cloud]
auth_type = password
auth_url = {wire.AUTH}
username = ecrae
password = secret
project_name = service
user_domain_id = default
project_domain_id = default
region_name = one
""",
    )
    connection = session.from_options(conf)
    assert connection.session.get_token() == 'token-that-is-a-secret'
    assert connection.region == 'one'
    assert connection.interface == ['internal', 'public']
    assert connection.session.timeout == session.TIMEOUT_S


def test_group_without_auth_type_is_named(tmp_path):
    with pytest.raises(exception.ConfigError, match=r'\[ecrae_cloud\]'):
        session.from_options(_conf(tmp_path, ''))


def test_group_that_lacks_an_option_says_which(tmp_path):
    conf = _conf(tmp_path, '[ecrae_cloud]\nauth_type = password\n')
    with pytest.raises(exception.ConfigError, match='auth_url'):
        session.from_options(conf)


def test_unknown_auth_type_is_named(tmp_path):
    conf = _conf(tmp_path, '[ecrae_cloud]\nauth_type = pasword\n')
    with pytest.raises(exception.ConfigError, match='pasword'):
        session.from_options(conf)


def test_person_connects_with_os_variables(monkeypatch, cloud):
    for name, value in {
        'AUTH_URL': wire.AUTH,
        'USERNAME': 'demo',
        'PASSWORD': 'secret',
        'PROJECT_NAME': 'demo',
        'USER_DOMAIN_ID': 'default',
        'PROJECT_DOMAIN_ID': 'default',
        'REGION_NAME': 'one',
    }.items():
        monkeypatch.setenv(f'OS_{name}', value)
    connection = session.from_environment()
    assert connection.session.get_token() == 'token-that-is-a-secret'
    assert connection.region == 'one'


def test_person_connects_with_an_entry_of_clouds_yaml(
    monkeypatch, tmp_path, cloud
):
    path = tmp_path / 'clouds.yaml'
    monkeypatch.setenv('OS_CLIENT_CONFIG_FILE', str(path))
    path.write_text(f"""
clouds:
  test:
    region_name: one
    auth: {{auth_url: '{wire.AUTH}', username: demo, password: secret,
            project_name: demo, user_domain_id: default,
            project_domain_id: default}}
""")
    connection = session.from_environment('test')
    assert connection.session.get_token() == 'token-that-is-a-secret'


@pytest.mark.parametrize('cloud_name', [None, 'nowhere'])
def test_no_credentials_is_said_with_the_cure(cloud_name):
    with pytest.raises(exception.ConfigError, match='OS_CLOUD'):
        session.from_environment(cloud_name)
