# SPDX-License-Identifier: Apache-2.0

import ssl
import stat

import pytest

from ecrae import exception
from ecrae.migration import certificates


@pytest.fixture
def folder(tmp_path):
    certificates.make_ca(tmp_path)
    return tmp_path


def test_a_host_gets_what_its_agent_reads(folder):
    issued = certificates.issue(folder, 'compute-1', '192.0.2.7', 90)
    assert sorted(path.name for path in issued.iterdir()) == [
        'ca.pem',
        'host.key',
        'host.pem',
    ]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(issued / 'host.pem', issued / 'host.key')


def test_keys_are_for_their_owner_only(folder):
    issued = certificates.issue(folder, 'compute-1', '192.0.2.7', 90)
    for key in (folder / 'ca.key', issued / 'host.key'):
        assert stat.S_IMODE(key.stat().st_mode) == 0o600


def test_issuing_again_is_a_rotation(folder):
    issued = certificates.issue(folder, 'compute-1', '192.0.2.7', 90)
    before = (issued / 'host.key').read_bytes()
    (first,) = certificates.list_issued(folder)
    certificates.issue(folder, 'compute-1', '192.0.2.8', 90)
    (second,) = certificates.list_issued(folder)
    assert (issued / 'host.key').read_bytes() != before
    assert (first.address, second.address) == ('192.0.2.7', '192.0.2.8')
    assert first.serial != second.serial


def test_the_ca_is_made_once(folder):
    before = (folder / 'ca.pem').read_bytes()
    certificates.make_ca(folder)
    assert (folder / 'ca.pem').read_bytes() == before


@pytest.mark.parametrize(
    ('host', 'address'), [('../x', '192.0.2.7'), ('x', 'nowhere')]
)
def test_what_is_no_host_or_address_is_refused(folder, host, address):
    with pytest.raises(exception.UsageError):
        certificates.issue(folder, host, address, 90)


def test_a_folder_without_a_ca_is_named(tmp_path):
    with pytest.raises(exception.ConfigError, match=r'ca\.key'):
        certificates.issue(tmp_path, 'compute-1', '192.0.2.7', 90)


def test_a_certificate_does_not_outlive_its_ca(folder):
    with pytest.raises(exception.ConfigError, match='fewer days'):
        certificates.issue(folder, 'compute-1', '192.0.2.7', 5000)
