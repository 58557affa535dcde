# SPDX-License-Identifier: Apache-2.0

"""Real TLS between two ends on this machine."""

import contextlib
import ssl

import pytest

from ecrae import exception
from ecrae.migration import certificates
from ecrae.migration import channel


PORTS = range(28510, 28560)
LOCAL = '127.0.0.1'


def _identity(folder, host, address=LOCAL):
    certificates.make_ca(folder)
    issued = certificates.issue(folder, host, address, 30)
    return channel.Identity(
        cacert=issued / 'ca.pem',
        cert=issued / 'host.pem',
        key=issued / 'host.key',
        crl=issued / 'crl.pem',
    )


@pytest.fixture
def incoming(tmp_path):
    path = tmp_path / 'incoming'
    path.mkdir()
    return path


@pytest.fixture
def receiver(tmp_path, incoming):
    end = channel.Receiver(
        _identity(tmp_path / 'ca', 'two'),
        peer='one',
        address=LOCAL,
        ports=PORTS,
        folder=incoming,
    )
    yield end
    end.close()


def _images(folder):
    paths = []
    for number, size in enumerate((0, 10, 700_000)):
        path = folder / f'core-{number}.img'
        path.write_bytes(bytes([number]) * size)
        paths.append(path)
    return paths


def test_images_arrive_whole(tmp_path, receiver, incoming):
    identity = _identity(tmp_path / 'ca', 'one')
    sender = channel.Sender(identity, 'two', LOCAL, receiver.port)
    images = _images(tmp_path)
    assert sender.send(images, 10.0) == 700_010
    receiver.wait(10.0)
    for path in images:
        assert (incoming / path.name).read_bytes() == path.read_bytes()


def test_another_host_of_the_same_ca_is_refused(tmp_path, receiver, incoming):
    identity = _identity(tmp_path / 'ca', 'three')
    sender = channel.Sender(identity, 'two', LOCAL, receiver.port)
    with pytest.raises(exception.TransferFailed):
        sender.send(_images(tmp_path), 10.0)
    with pytest.raises(exception.TransferFailed, match='not of one'):
        receiver.wait(10.0)
    assert list(incoming.iterdir()) == []


def test_a_host_of_another_ca_is_refused(tmp_path, receiver):
    identity = _identity(tmp_path / 'other', 'one')
    with pytest.raises(exception.TransferFailed, match='certificate'):
        channel.Sender(identity, 'two', LOCAL, receiver.port)


def test_the_sender_refuses_a_server_with_another_name(tmp_path, receiver):
    identity = _identity(tmp_path / 'ca', 'one')
    with pytest.raises(exception.TransferFailed, match='not valid for'):
        channel.Sender(identity, 'four', LOCAL, receiver.port)


def test_a_client_without_certificate_gets_nothing_in(receiver, incoming):
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    plain = channel.socket.create_connection((LOCAL, receiver.port))
    with plain, contextlib.suppress(OSError):
        stream = context.wrap_socket(plain)
        stream.sendall(b'\0\0')
        assert stream.recv(1) == b''
    with pytest.raises(exception.TransferFailed):
        receiver.wait(10.0)
    assert list(incoming.iterdir()) == []


def test_a_name_that_leaves_the_folder_is_refused(
    tmp_path, receiver, incoming
):
    identity = _identity(tmp_path / 'ca', 'one')
    sender = channel.Sender(identity, 'two', LOCAL, receiver.port)
    header = b'{"name": "../evil.img", "size": 1}'
    sender._stream.sendall(len(header).to_bytes(2, 'big') + header + b'x')
    with pytest.raises(exception.TransferFailed, match='no image'):
        receiver.wait(10.0)
    assert not (tmp_path / 'evil.img').exists()


def test_a_missing_certificate_is_named(tmp_path):
    identity = channel.Identity(
        cacert=tmp_path / 'ca.pem',
        cert=tmp_path / 'host.pem',
        key=tmp_path / 'host.key',
        crl=tmp_path / 'crl.pem',
    )
    with pytest.raises(exception.ConfigError, match=r'host\.pem'):
        channel.Sender(identity, 'two', LOCAL, 1)


def test_no_free_port_names_the_option():
    with (
        channel.listen(LOCAL, PORTS) as taken,
        pytest.raises(exception.ConfigError, match='migration_port'),
    ):
        channel.listen(LOCAL, [taken.getsockname()[1]])


def test_a_revoked_sender_is_refused(tmp_path, incoming):
    ca = tmp_path / 'ca'
    revoked = _identity(ca, 'one')
    certificates.revoke(ca, 'one')
    receiver = channel.Receiver(
        _identity(ca, 'two'),
        peer='one',
        address=LOCAL,
        ports=PORTS,
        folder=incoming,
    )
    with contextlib.suppress(exception.TransferFailed):
        sender = channel.Sender(revoked, 'two', LOCAL, receiver.port)
        sender.send([], 5.0)
        sender.close()
    with pytest.raises(exception.TransferFailed, match=r'(?i)revoked'):
        receiver.wait(5.0)
    receiver.close()


def test_a_server_of_criu_trusts_its_one_client_only(tmp_path):
    ca = tmp_path / 'ca'
    one, two = _identity(ca, 'one'), _identity(ca, 'two')
    pinned = tmp_path / 'peer.pem'
    paths = two.paths_for(one.certificate(), 'one', pinned)
    assert paths['cacert'] == str(pinned)
    assert pinned.read_text() == one.certificate()
    with pytest.raises(exception.TransferFailed, match='is of two'):
        two.paths_for(two.certificate(), 'one', pinned)
