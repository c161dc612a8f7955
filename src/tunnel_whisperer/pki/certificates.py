"""Reading certificates and keys of others: bounded, and with one way out for whatever is wrong."""

from __future__ import annotations

import re
import uuid
import warnings
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from ..base.errors import Misuse
from ..base.limits import MAX_CERTIFICATE_BYTES

__all__ = [
    "PARSE_FAULTS",
    "certificate_ends",
    "certificate_hosts",
    "certificate_uuid",
    "check_ca",
    "check_key_pair",
    "issued_by",
    "load_certificate",
    "load_der",
    "load_key",
    "load_public",
    "public_tls_key",
    "uuid_in",
]

PARSE_FAULTS: tuple[type[Exception], ...] = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.InvalidVersion,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
    UserWarning,
)
"""What the library raises for a certificate that it cannot read."""

_MAX_PUBLIC_CHARS = 1024
"""A key on P-256 has 180."""

_ONE_CERTIFICATE = re.compile(
    r"-----BEGIN CERTIFICATE-----\s[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----\s*\Z", re.ASCII
)


def _bad(why: str) -> Misuse:
    return Misuse("bad-certificate", why, hint="ask for a new one")


def load_der(der: bytes) -> x509.Certificate:
    """A certificate with its extensions read.

    Raises:
        Exception: one of ``PARSE_FAULTS``.
    """
    if len(der) > MAX_CERTIFICATE_BYTES:
        raise ValueError("too long")
    with warnings.catch_warnings():
        # The library reads some certificates that break RFC 5280 and warns; here they are refused.
        warnings.simplefilter("error", UserWarning)
        certificate = x509.load_der_x509_certificate(der)
        _ = (certificate.extensions, certificate.subject, certificate.issuer, certificate.public_key())
    return certificate


def load_certificate(pem: str) -> x509.Certificate:
    """The one certificate in ``pem``.

    Raises:
        Misuse: ``bad-certificate``.
    """
    if len(pem) > 2 * MAX_CERTIFICATE_BYTES or not _ONE_CERTIFICATE.match(pem):
        raise _bad("this is not one certificate in PEM")
    try:
        return load_der(x509.load_pem_x509_certificate(pem.encode()).public_bytes(serialization.Encoding.DER))
    except PARSE_FAULTS:
        raise _bad("the certificate is damaged") from None


def load_key(pem: str) -> ec.EllipticCurvePrivateKey:
    """The unencrypted ECDSA key in ``pem``.

    Raises:
        Misuse: ``bad-certificate``.
    """
    try:
        key = serialization.load_pem_private_key(pem.encode(), None)
    except PARSE_FAULTS:
        raise _bad("the certificate's key is damaged or encrypted") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise _bad("the certificate's key is not an ECDSA key")
    return key


def load_public(pem: str) -> ec.EllipticCurvePublicKey:
    """The public key in ``pem``; on P-256, as ours are.

    Raises:
        Misuse: ``bad-certificate``.
    """
    if len(pem) > _MAX_PUBLIC_CHARS:
        raise _bad("this is not a public key")
    try:
        key = serialization.load_pem_public_key(pem.encode())
    except PARSE_FAULTS:
        raise _bad("this is not a public key") from None
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise _bad("the public key is not on P-256")
    return key


def public_tls_key(pem: str) -> str:
    """The public key of a certificate or of a private key, in PEM (SubjectPublicKeyInfo).

    Raises:
        Misuse: ``bad-certificate``.
    """
    public = load_certificate(pem).public_key() if "CERTIFICATE" in pem else load_key(pem).public_key()
    return public.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    ).decode()


def check_key_pair(cert_pem: str, key_pem: str) -> None:
    """Certificate and key belong together.

    Raises:
        Misuse: ``bad-certificate``.
    """
    if load_certificate(cert_pem).public_key() != load_key(key_pem).public_key():
        raise _bad("the certificate and its key do not belong together")


def check_ca(pem: str) -> bytes:
    """A CA certificate that client certificates can be checked against.

    Returns:
        Its public key in DER, to compare CAs by.

    Raises:
        Misuse: ``bad-certificate``.
    """
    certificate = load_certificate(pem)
    key = certificate.public_key()
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise _bad("the CA's key is not an ECDSA key")
    try:
        constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage)
    except x509.ExtensionNotFound:
        raise _bad("this certificate is not a CA's") from None
    if not constraints.value.ca or not usage.value.key_cert_sign:
        raise _bad("this certificate is not a CA's")
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def uuid_in(certificate: x509.Certificate) -> uuid.UUID | None:
    """The UUID of the certificate's one ``urn:uuid:`` name; None where it has none.

    Raises:
        ValueError: several, or one that is not a UUID.
    """
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return None
    urns = [
        name for name in names.get_values_for_type(x509.UniformResourceIdentifier)
        if name.lower().startswith("urn:uuid:")
    ]  # fmt: skip
    if not urns:
        return None
    text = urns[0][len("urn:uuid:") :]
    if len(urns) > 1 or not re.fullmatch(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", text):
        raise ValueError("not one UUID")
    return uuid.UUID(text)


def certificate_uuid(pem: str) -> uuid.UUID | None:
    """The UUID that a client certificate names; None where it names none.

    Raises:
        Misuse: ``bad-certificate``.
    """
    try:
        return uuid_in(load_certificate(pem))
    except ValueError:
        raise _bad("the certificate names its owner in a way that is not understood") from None


def certificate_hosts(pem: str) -> frozenset[str]:
    """The names and addresses that a relay's certificate is for.

    Raises:
        Misuse: ``bad-certificate``.
    """
    try:
        names = load_certificate(pem).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return frozenset()
    addresses = names.get_values_for_type(x509.IPAddress)
    return frozenset([*names.get_values_for_type(x509.DNSName), *map(str, addresses)])


def issued_by(cert_pem: str, ca_pem: str) -> bool:
    """Whether the CA signed the certificate; dates and purpose are not looked at.

    Raises:
        Misuse: ``bad-certificate``.
    """
    certificate, ca = load_certificate(cert_pem), load_certificate(ca_pem)
    try:
        certificate.verify_directly_issued_by(ca)
    except (InvalidSignature, ValueError, TypeError):
        return False
    return True


def certificate_ends(pem: str) -> datetime:
    """The end of its validity, in UTC.

    Raises:
        Misuse: ``bad-certificate``.
    """
    return load_certificate(pem).not_valid_after_utc
