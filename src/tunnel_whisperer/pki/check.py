"""Whether a client certificate was issued by this tenant's CA and is good now.

TLS has proved that the peer holds the certificate's key, and that one of all tenants' CAs issued
it. Which of them, and for whom, is decided here, for each request.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import UTC, datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID

from ..base.errors import Misuse, Refused
from .certificates import PARSE_FAULTS, load_certificate, load_der, uuid_in

__all__ = ["check_client"]

_UNDERSTOOD = frozenset(
    {
        ExtensionOID.BASIC_CONSTRAINTS,
        ExtensionOID.KEY_USAGE,
        ExtensionOID.EXTENDED_KEY_USAGE,
        ExtensionOID.SUBJECT_ALTERNATIVE_NAME,
    }
)


def _refused(why: str) -> Refused:
    return Refused("certificate-refused", why, hint="check the clock, or ask for a new bundle")


def check_client(leaf_der: bytes, ca_pem: str, now: Callable[[], datetime] | None = None) -> uuid.UUID | None:
    """The UUID that the certificate names; None where it names none.

    Args:
        leaf_der: as the peer presented it.
        ca_pem: the one CA that may have issued it.
        now: the wall clock, in UTC.

    Raises:
        Refused: ``certificate-refused``.
    """
    try:
        leaf, ca = load_der(leaf_der), load_certificate(ca_pem)
        _check_issuer(leaf, ca)
        named = uuid_in(leaf)
    except PARSE_FAULTS:
        raise _refused("the certificate cannot be read") from None
    except Misuse:
        raise _refused("the CA's certificate cannot be read") from None
    moment = now() if now is not None else datetime.now(UTC)
    for certificate, what in ((leaf, "the certificate"), (ca, "the CA's certificate")):
        if moment < certificate.not_valid_before_utc:
            raise _refused(f"{what} is not valid before {certificate.not_valid_before_utc:%Y-%m-%d}")
        if moment > certificate.not_valid_after_utc:
            raise _refused(f"{what} ended on {certificate.not_valid_after_utc:%Y-%m-%d}")
    _check_purpose(leaf)
    return named


def _check_issuer(leaf: x509.Certificate, ca: x509.Certificate) -> None:
    try:
        leaf.verify_directly_issued_by(ca)
    except InvalidSignature:
        raise _refused("another CA issued the certificate") from None
    except ValueError:  # the names do not match
        raise _refused("another CA issued the certificate") from None


def _check_purpose(leaf: x509.Certificate) -> None:
    """RFC 5280 4.2: a critical extension that is not understood refuses the certificate."""
    for extension in leaf.extensions:
        if extension.critical and extension.oid not in _UNDERSTOOD:
            raise _refused(f"the certificate demands {extension.oid.dotted_string}, unknown here")
        value = extension.value
        if isinstance(value, x509.BasicConstraints) and value.ca:
            raise _refused("the certificate is a CA's, not a client's")
        if isinstance(value, x509.KeyUsage) and not value.digital_signature:
            raise _refused("the certificate's key may not sign")
    try:
        usage = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        raise _refused("the certificate is not for clients") from None
    if ExtendedKeyUsageOID.CLIENT_AUTH not in usage:
        raise _refused("the certificate is not for clients")
