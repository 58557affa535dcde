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


def _pem(issued):
    return (issued / 'host.pem').read_text()


def _check(folder, pem, host='compute-1'):
    certificates.check(pem, host, folder / 'ca.pem', folder / 'crl.pem')


def test_a_host_shows_its_own_certificate(folder):
    issued = certificates.issue(folder, 'compute-1', '192.0.2.7', 90)
    _check(folder, _pem(issued))


def test_another_host_s_certificate_is_refused(folder):
    issued = certificates.issue(folder, 'compute-2', '192.0.2.8', 90)
    with pytest.raises(exception.TransferFailed, match='is of compute-2'):
        _check(folder, _pem(issued))


def test_a_certificate_of_another_ca_is_refused(folder, tmp_path):
    certificates.make_ca(tmp_path / 'other')
    issued = certificates.issue(
        tmp_path / 'other', 'compute-1', '192.0.2.7', 90
    )
    with pytest.raises(exception.TransferFailed, match='not of the CA'):
        _check(folder, _pem(issued))


def test_two_cas_are_trusted_while_one_follows_the_other(folder, tmp_path):
    certificates.make_ca(tmp_path / 'next')
    issued = certificates.issue(
        tmp_path / 'next', 'compute-1', '192.0.2.7', 90
    )
    with (folder / 'ca.pem').open('ab') as both:
        both.write((tmp_path / 'next' / 'ca.pem').read_bytes())
    _check(folder, _pem(issued))


def test_what_is_no_certificate_is_refused(folder):
    with pytest.raises(exception.TransferFailed, match='no certificate'):
        _check(folder, 'nothing')


def test_an_expired_certificate_is_refused(folder):
    issued = certificates.issue(folder, 'compute-1', '192.0.2.7', 0)
    with pytest.raises(exception.TransferFailed, match='expired'):
        _check(folder, _pem(issued))


def test_a_revoked_certificate_is_refused_and_its_successor_is_not(folder):
    first = _pem(certificates.issue(folder, 'compute-1', '192.0.2.7', 90))
    certificates.issue(folder, 'compute-2', '192.0.2.8', 90)
    certificates.revoke(folder, 'compute-2')
    certificates.revoke(folder, 'compute-1')
    assert [item.is_revoked for item in certificates.list_issued(folder)] == [
        True,
        True,
    ]
    with pytest.raises(exception.TransferFailed, match='revoked'):
        _check(folder, first)
    issued = certificates.issue(folder, 'compute-1', '192.0.2.7', 90)
    _check(folder, _pem(issued))
    assert (issued / 'crl.pem').read_bytes() == (
        folder / 'crl.pem'
    ).read_bytes()


def test_revoking_what_was_never_issued_says_so(folder):
    with pytest.raises(exception.NotFound, match='compute-9'):
        certificates.revoke(folder, 'compute-9')
