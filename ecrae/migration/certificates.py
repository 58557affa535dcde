# SPDX-License-Identifier: Apache-2.0

"""A small CA of the deployment's own, for agents only.

The folder of the CA stays with the operator; what a host gets is ``ca.pem``,
``host.pem`` and ``host.key``. Keys are P-256, names are in subjectAltName:
the host's name for the agents, its migration address for criu. A certificate
that is revoked is in ``crl.pem``, which every host needs.
"""

import dataclasses
import datetime
import ipaddress
import os
import pathlib

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID
from cryptography.x509.oid import NameOID

from ecrae import exception
from ecrae.migration import job as jobs


#: Clocks of hosts may differ by this much.
_SKEW = datetime.timedelta(hours=1)
_CA_DAYS = 3650


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """A host's certificate in the CA's folder."""

    host: str
    address: str
    serial: int
    not_after: datetime.datetime
    is_revoked: bool


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


def _write(path: pathlib.Path, data: bytes, mode: int) -> None:
    """Replace a file at once, never readable by more than it should be."""
    draft = path.with_name(f'{path.name}.draft')
    draft.unlink(missing_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    with open(os.open(draft, flags, mode), 'wb') as file:
        file.write(data)
    draft.replace(path)


def _write_key(path: pathlib.Path, key: ec.EllipticCurvePrivateKey) -> None:
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    _write(path, pem, 0o600)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _builder(
    subject: str, issuer: str, key: ec.EllipticCurvePrivateKey, days: int
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(_name(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(_now() - _SKEW)
        .not_valid_after(_now() + datetime.timedelta(days=days))
    )


_CA_NAME = 'ECRAE agents'


def make_ca(folder: pathlib.Path) -> None:
    """Make ``ca.pem`` and ``ca.key``, unless they are there."""
    if (folder / 'ca.key').exists():
        return
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    key = ec.generate_private_key(ec.SECP256R1())
    usage = x509.KeyUsage(
        digital_signature=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )
    certificate = (
        _builder(_CA_NAME, _CA_NAME, key, _CA_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), True)
        .add_extension(usage, True)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    _write(folder / 'ca.pem', pem, 0o644)
    _write_key(folder / 'ca.key', key)


def issue(
    folder: pathlib.Path, host: str, address: str, days: int
) -> pathlib.Path:
    """Make a host's folder below the CA's, or renew what is in it.

    :returns: the folder to copy to the host's ``certificate_directory``.
    :raises ConfigError: when there is no CA that can be used.
    """
    jobs.check_host(host)
    try:
        ip = ipaddress.ip_address(address)
    except ValueError as error:
        raise exception.UsageError(f'{address!r}: {error}.') from None
    ca_key = _load_key(folder / 'ca.key')
    ca_pem = (folder / 'ca.pem').read_bytes()
    ca = x509.load_pem_x509_certificate(ca_pem)
    key = ec.generate_private_key(ec.SECP256R1())
    names = [x509.DNSName(host), x509.IPAddress(ip)]
    purposes = [
        ExtendedKeyUsageOID.SERVER_AUTH,
        ExtendedKeyUsageOID.CLIENT_AUTH,
    ]
    certificate = (
        _builder(host, _CA_NAME, key, days)
        .add_extension(x509.SubjectAlternativeName(names), False)
        .add_extension(x509.ExtendedKeyUsage(purposes), False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), True)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(
                ca_key.public_key()
            ),
            False,
        )
        .sign(ca_key, hashes.SHA256())
    )
    if ca.not_valid_after_utc < certificate.not_valid_after_utc:
        raise exception.ConfigError(
            f'{folder / "ca.pem"} itself expires at '
            f'{ca.not_valid_after_utc:%Y-%m-%d}: ask for fewer days.'
        )
    target = folder / 'hosts' / host
    target.mkdir(parents=True, exist_ok=True, mode=0o700)
    _write_key(target / 'host.key', key)
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    _write(target / 'host.pem', pem, 0o644)
    _write(target / 'ca.pem', ca_pem, 0o644)
    if (folder / 'crl.pem').exists():
        _write(target / 'crl.pem', (folder / 'crl.pem').read_bytes(), 0o644)
    return target


def revoke(folder: pathlib.Path, host: str) -> pathlib.Path:
    """Put a host's present certificate on the list that hosts refuse.

    :returns: ``crl.pem``, to be copied to every host.
    :raises NotFound: when the CA issued none to the host.
    """
    jobs.check_host(host)
    path = folder / 'hosts' / host / 'host.pem'
    if not path.exists():
        raise exception.NotFound(noun='certificate', name=host)
    lost = x509.load_pem_x509_certificate(path.read_bytes())
    ca = x509.load_pem_x509_certificate((folder / 'ca.pem').read_bytes())
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(ca.subject)
        .last_update(_now() - _SKEW)
        # Hosts would trust nobody once it is over, and nothing renews it.
        .next_update(ca.not_valid_after_utc)
    )
    listed = folder / 'crl.pem'
    revoked = {item.serial_number: item for item in _revoked(listed)}
    revoked[lost.serial_number] = (
        x509.RevokedCertificateBuilder()
        .serial_number(lost.serial_number)
        .revocation_date(_now())
        .build()
    )
    for item in revoked.values():
        builder = builder.add_revoked_certificate(item)
    crl = builder.sign(_load_key(folder / 'ca.key'), hashes.SHA256())
    _write(listed, crl.public_bytes(serialization.Encoding.PEM), 0o644)
    return listed


def _revoked(path: pathlib.Path) -> list[x509.RevokedCertificate]:
    """What a list has; nothing if there is no list."""
    if not path.exists():
        return []
    return list(x509.load_pem_x509_crl(path.read_bytes()))


def check(
    pem: str, host: str, cacert: pathlib.Path, crl: pathlib.Path
) -> None:
    """Refuse a certificate that is not the host's own of this CA.

    :param cacert: one CA, or several while one follows the other.
    :param crl: the list of what is revoked; it need not be there.
    :raises TransferFailed: with what is wrong.
    """
    try:
        found = x509.load_pem_x509_certificate(pem.encode())
        names = found.extensions.get_extension_for_class(
            x509.SubjectAlternativeName
        ).value.get_values_for_type(x509.DNSName)
    except (ValueError, x509.ExtensionNotFound):
        raise exception.TransferFailed(
            f'{host} shows no certificate of an agent.'
        ) from None
    issuers = x509.load_pem_x509_certificates(cacert.read_bytes())
    revoked = {item.serial_number for item in _revoked(crl)}
    wrong = ''
    if host not in names:
        wrong = f'is of {", ".join(names)}'
    elif not any(_is_issued(found, issuer) for issuer in issuers):
        wrong = f'is not of the CA in {cacert}'
    elif not found.not_valid_before_utc <= _now() <= found.not_valid_after_utc:
        wrong = f'expired at {found.not_valid_after_utc:%Y-%m-%d}'
    elif found.serial_number in revoked:
        wrong = 'is revoked'
    if wrong:
        raise exception.TransferFailed(
            f'The certificate that {host} shows {wrong}.'
        )


def _is_issued(found: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        found.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _load_key(path: pathlib.Path) -> ec.EllipticCurvePrivateKey:
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), None)
    except (OSError, ValueError) as error:
        raise exception.ConfigError(
            f'No key of a CA at {path}: {error}.'
        ) from error
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise exception.ConfigError(f'{path} is no P-256 key.')
    return key


def list_issued(folder: pathlib.Path) -> list[Issued]:
    """Certificates in the CA's folder, by host."""
    found = []
    revoked = {item.serial_number for item in _revoked(folder / 'crl.pem')}
    for path in sorted(folder.glob('hosts/*/host.pem')):
        certificate = x509.load_pem_x509_certificate(path.read_bytes())
        names = certificate.extensions.get_extension_for_class(
            x509.SubjectAlternativeName
        ).value
        addresses = names.get_values_for_type(x509.IPAddress)
        found.append(
            Issued(
                host=path.parent.name,
                address=str(addresses[0]) if addresses else '',
                serial=certificate.serial_number,
                not_after=certificate.not_valid_after_utc,
                is_revoked=certificate.serial_number in revoked,
            )
        )
    return found
