"""Certificates: a CA per server and per relay, and the leaves that they issue.

    CA      O=Private CA, CN=<name>      CA:TRUE, pathlen 0, 10 years
    client  O=Private, CN=<who>          clientAuth, SAN URI:urn:uuid:<uuid>, 2 years
    relay   O=Private, CN=<first host>   serverAuth, SAN DNS or IP, 397 days

All keys are ECDSA P-256. The organisation tells a CA from its leaves, so that no leaf has its
issuer's subject: OpenSSL would take it for self-signed. It does not name this product, for every
stranger may look at a relay's certificate and its issuer. Profile: RFC 5280, RFC 4122 (urn:uuid).
"""

from __future__ import annotations

import ipaddress
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from ..base.errors import Misuse
from ..base.values import HostPort
from .certificates import load_certificate, load_key, load_public

__all__ = [
    "CertificateAuthority",
    "certify_client",
    "issue_client",
    "issue_server",
    "make_ca",
    "new_tls_key",
]

CA_DAYS = 3650
CLIENT_DAYS = 730
RELAY_DAYS = 397
"""The most that browsers and Apple's TLS take (CA/Browser Forum baseline requirements 6.3.2)."""

_BACKDATE = timedelta(hours=24)
"""Machines with a slow clock, or one in local time, must not find a new certificate in the future."""

Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class CertificateAuthority:
    """A CA with its key."""

    name: str
    cert_pem: str
    key_pem: str = field(repr=False)


def _utc_now() -> datetime:
    return datetime.now(UTC)


def make_ca(
    name: str, now: Clock | None = None, *, key_pem: str = "", days: float = CA_DAYS
) -> CertificateAuthority:
    """A new self-signed CA.

    Args:
        name: of the server or relay; up to 64 characters (X.520).
        now: the wall clock, in UTC.
        key_pem: its key, where that exists already.
        days: of validity.

    Raises:
        Misuse: ``bad-argument``, ``bad-certificate`` for the key.
    """
    start = (now or _utc_now)()
    key = load_key(key_pem) if key_pem else _new_key()
    subject = _name("Private CA", name)
    builder = (
        _builder(subject, subject, key.public_key(), start, start + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(ca=True), critical=True)
    )
    certificate = builder.sign(key, hashes.SHA256())
    return CertificateAuthority(name, _pem(certificate), key_pem or _key_pem(key))


def issue_client(
    ca: CertificateAuthority,
    user_uuid: uuid.UUID,
    common_name: str,
    days: float = CLIENT_DAYS,
    now: Clock | None = None,
    key_pem: str = "",
) -> tuple[str, str]:
    """A client certificate that names ``user_uuid``, and its key, both in PEM.

    Args:
        common_name: for people; up to 64 characters.
        days: of validity; cut where the CA's own ends.
        key_pem: its key, where that exists already; else a new one is made.

    Raises:
        Misuse: ``bad-argument``, ``bad-certificate`` for the CA.
    """
    key = load_key(key_pem) if key_pem else _new_key()
    cert = _issue(
        ca, common_name, [_urn(user_uuid)], ExtendedKeyUsageOID.CLIENT_AUTH, days, now, key.public_key()
    )
    return cert, key_pem or _key_pem(key)


def certify_client(
    ca: CertificateAuthority,
    user_uuid: uuid.UUID,
    common_name: str,
    public_key_pem: str,
    days: float = CLIENT_DAYS,
    now: Clock | None = None,
) -> str:
    """A client certificate for a key that stays where it is, in PEM.

    Args:
        common_name, days: see ``issue_client``.
        public_key_pem: as ``public_tls_key`` writes it.

    Raises:
        Misuse: ``bad-argument``, ``bad-certificate`` for the CA or the key.
    """
    key = load_public(public_key_pem)
    return _issue(ca, common_name, [_urn(user_uuid)], ExtendedKeyUsageOID.CLIENT_AUTH, days, now, key)


def new_tls_key() -> str:
    """A new private key, PEM."""
    return _key_pem(_new_key())


def _urn(user_uuid: uuid.UUID) -> x509.GeneralName:
    return x509.UniformResourceIdentifier(user_uuid.urn)


def issue_server(
    ca: CertificateAuthority, hosts: Sequence[str], days: float = RELAY_DAYS, now: Clock | None = None
) -> tuple[str, str]:
    """The relay's own certificate for these names and addresses, and its new key, both in PEM.

    Raises:
        Misuse: ``bad-argument``, ``bad-certificate`` for the CA.
    """
    if not hosts:
        raise Misuse("bad-argument", "a relay's certificate needs a host name or address")
    names = [_host_name(host) for host in hosts]
    # The names that count are in the SAN; a long one does not fit here.
    key = _new_key()
    cert = _issue(ca, hosts[0][:64], names, ExtendedKeyUsageOID.SERVER_AUTH, days, now, key.public_key())
    return cert, _key_pem(key)


def _host_name(host: str) -> x509.GeneralName:
    canonical = HostPort.parse(f"[{host}]:1").host
    try:
        return x509.IPAddress(ipaddress.ip_address(canonical))
    except ValueError:
        return x509.DNSName(canonical)


def _issue(
    ca: CertificateAuthority,
    common_name: str,
    names: Sequence[x509.GeneralName],
    usage: x509.ObjectIdentifier,
    days: float,
    now: Clock | None,
    key: ec.EllipticCurvePublicKey,
) -> str:
    issuer, issuer_key = load_certificate(ca.cert_pem), load_key(ca.key_pem)
    if issuer.public_key() != issuer_key.public_key():
        raise Misuse("bad-certificate", "the CA's key does not belong to its certificate")
    start = (now or _utc_now)()
    end = min(start + timedelta(days=days), issuer.not_valid_after_utc)
    if end <= start:
        raise Misuse("bad-certificate", f"the CA ended on {issuer.not_valid_after_utc:%Y-%m-%d}")
    issuer_id = x509.SubjectKeyIdentifier.from_public_key(issuer_key.public_key())
    builder = (
        _builder(_name("Private", common_name), issuer.subject, key, start, end)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(ca=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(issuer_id), False)
    )
    return _pem(builder.sign(issuer_key, hashes.SHA256()))


def _new_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def _name(organisation: str, common_name: str) -> x509.Name:
    if not 1 <= len(common_name) <= 64 or not common_name.isprintable():
        raise Misuse("bad-argument", f"{common_name[:64]!r} is not a name of 1 to 64 characters")
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, start: datetime, end: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start - _BACKDATE)
        .not_valid_after(end)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _usage(*, ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not ca,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=ca,
        crl_sign=ca,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def _key_pem(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
