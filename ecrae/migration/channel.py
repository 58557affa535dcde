# SPDX-License-Identifier: Apache-2.0

"""Small images from host to host over TLS 1.3, each sure of the other.

Memory pages go between the two criu, by criu's own TLS; this carries the
rest. Both ends show a certificate of the deployment's CA whose name is the
host that the migration is from, or to.
"""

import dataclasses
import json
import os
import pathlib
import re
import secrets
import socket
import ssl
import struct
import threading
from collections.abc import Iterable

from ecrae import exception
from ecrae.migration import certificates


#: Longest header and largest image; page data does not come this way.
_HEADER_BYTES = 512
_IMAGE_BYTES = 1 << 30
_BLOCK = 1 << 18
_NAME = re.compile(r'[A-Za-z0-9][\w.-]{0,80}\.img')
_DONE = b'\x06'
_LENGTH = struct.Struct('>H')


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """This host's certificate files; ``crl`` need not exist."""

    cacert: pathlib.Path
    cert: pathlib.Path
    key: pathlib.Path
    crl: pathlib.Path

    def paths(self) -> dict[str, str]:
        """The files by the names criu's options have, for its client."""
        names = ['cacert', 'cert', 'key']
        found = {name: str(getattr(self, name)) for name in names}
        if self.crl.exists():
            found['cacrl'] = str(self.crl)
        return found

    def paths_for(
        self, pem: str, host: str, pinned: pathlib.Path
    ) -> dict[str, str]:
        """The files for a server of criu's that only one host may use.

        criu's server does not look at its client's name, so all that it is
        told to trust is that host's certificate itself.

        :param pem: the certificate, as the host has shown it.
        :param pinned: where to write it.
        :raises TransferFailed: when it is not the host's own of the CA.
        """
        certificates.check(pem, host, self.cacert, self.crl)
        pinned.write_text(pem)
        return {
            'cacert': str(pinned),
            'cert': str(self.cert),
            'key': str(self.key),
        }

    def certificate(self) -> str:
        """This host's certificate, to be shown to peers.

        :raises ConfigError: when there is none.
        """
        try:
            return self.cert.read_text()
        except OSError as error:
            raise exception.ConfigError(
                f'Certificate of this host: {error}'
            ) from error

    def context(self, side: int) -> ssl.SSLContext:
        """TLS settings that ask the peer for a certificate of the CA.

        :raises ConfigError: when a file is missing or of no use.
        """
        context = ssl.SSLContext(side)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.verify_mode = ssl.CERT_REQUIRED
        try:
            context.load_verify_locations(self.cacert)
            context.load_cert_chain(self.cert, self.key)
            if self.crl.exists():
                context.load_verify_locations(self.crl)
                context.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF
        except (OSError, ssl.SSLError) as error:
            raise exception.ConfigError(
                f'Certificate of this host ({self.cert}, {self.key}, CA '
                f'{self.cacert}): {error}'
            ) from error
        return context


def _read(stream: ssl.SSLSocket, size: int) -> bytes:
    data = bytearray()
    while len(data) < size:
        block = stream.recv(min(size - len(data), _BLOCK))
        if not block:
            raise exception.TransferFailed('The peer hung up half-way.')
        data += block
    return bytes(data)


class Sender:
    """A connection to the destination, made before the workload stops."""

    def __init__(
        self, identity: Identity, host: str, address: str, port: int
    ) -> None:
        context = identity.context(ssl.PROTOCOL_TLS_CLIENT)
        try:
            plain = socket.create_connection((address, port), timeout=30.0)
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._stream = context.wrap_socket(plain, server_hostname=host)
        except OSError as error:
            raise exception.TransferFailed(
                f'No connection to {host} at {address}:{port}: {error}'
            ) from error

    def send(self, images: Iterable[pathlib.Path], timeout_s: float) -> int:
        """Send the files; bytes sent once the other end has them all.

        :raises TransferFailed: when it does not get them in time.
        """
        self._stream.settimeout(timeout_s)
        total = 0
        try:
            for path in images:
                data = path.read_bytes()
                header = json.dumps({'name': path.name, 'size': len(data)})
                words = header.encode()
                self._stream.sendall(_LENGTH.pack(len(words)) + words + data)
                total += len(data)
            self._stream.sendall(_LENGTH.pack(0))
            if self._stream.recv(1) != _DONE:
                raise exception.TransferFailed(
                    'The destination did not take the images.'
                )
        except OSError as error:
            raise exception.TransferFailed(f'Images: {error}') from error
        return total

    def close(self) -> None:
        """Hang up."""
        self._stream.close()


class Receiver:
    """Takes one sender's images into a folder."""

    def __init__(
        self,
        identity: Identity,
        *,
        peer: str,
        address: str,
        ports: Iterable[int],
        folder: pathlib.Path,
    ) -> None:
        self._context = identity.context(ssl.PROTOCOL_TLS_SERVER)
        self._peer = peer
        self._folder = folder
        self._listener = listen(address, ports)
        self.port: int = self._listener.getsockname()[1]
        self._error: Exception | None = None
        self._done = threading.Event()
        threading.Thread(
            target=self._serve, name=f'images from {peer}', daemon=True
        ).start()

    def wait(self, timeout_s: float) -> None:
        """Return once everything has come.

        :raises TransferFailed: when it has not, and will not.
        """
        if not self._done.wait(timeout_s):
            raise exception.TransferFailed('The images did not come in time.')
        if self._error is not None:
            raise exception.TransferFailed(f'Images: {self._error}')

    def close(self) -> None:
        """Shut the door."""
        # A thread in accept() notices only this.
        with self._listener:
            _shut(self._listener)

    def _serve(self) -> None:
        try:
            with self._listener:
                plain, _ = self._listener.accept()
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            plain.settimeout(60.0)
            with self._context.wrap_socket(plain, server_side=True) as stream:
                self._check_peer(stream)
                stream.settimeout(None)
                while self._take(stream):
                    pass
                stream.sendall(_DONE)
        except (OSError, ValueError, exception.EcraeError) as error:
            self._error = error
        finally:
            self._done.set()

    def _check_peer(self, stream: ssl.SSLSocket) -> None:
        certificate = stream.getpeercert() or {}
        names = certificate.get('subjectAltName', ())
        if ('DNS', self._peer) not in names:
            raise exception.TransferFailed(
                f'The certificate is of {names}, not of {self._peer}.'
            )

    def _take(self, stream: ssl.SSLSocket) -> bool:
        (length,) = _LENGTH.unpack(_read(stream, _LENGTH.size))
        if length == 0:
            return False
        if length > _HEADER_BYTES:
            raise exception.TransferFailed('A header is too long.')
        header = json.loads(_read(stream, length))
        name, size = str(header['name']), int(header['size'])
        if not _NAME.fullmatch(name) or not 0 <= size <= _IMAGE_BYTES:
            raise exception.TransferFailed(f'{name!r} is no image.')
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        with open(
            os.open(self._folder / name, flags, mode=0o600), 'wb'
        ) as file:
            while size:
                block = _read(stream, min(size, _BLOCK))
                file.write(block)
                size -= len(block)
        return True


def listen(address: str, ports: Iterable[int]) -> socket.socket:
    """A listening socket at any free port.

    :raises ConfigError: when none is free.
    """
    ports = list(ports)
    # criu takes its port some time after it was found free: of two
    # migrations that begin at once, each shall look at another one first.
    for port in secrets.SystemRandom().sample(ports, len(ports)):
        try:
            return socket.create_server((address, port), backlog=1)
        except OSError:
            continue
    raise exception.ConfigError(
        f'No port of {ports[0]}–{ports[-1]} is free at {address}: widen '
        f'[ecrae_agent] migration_ports.'
    )


def free_port(address: str, ports: Iterable[int]) -> int:
    """A port nobody listens at now."""
    with listen(address, ports) as listener:
        return int(listener.getsockname()[1])


def _shut(listener: socket.socket) -> None:
    try:
        listener.shutdown(socket.SHUT_RDWR)
    except OSError:
        return
