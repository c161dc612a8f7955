"""A relay's private CA in 33 bytes, for what must be short: its public key, as a point on P-256."""

from __future__ import annotations

from datetime import UTC, datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from ..base.errors import Misuse, Unreachable
from .certificates import PARSE_FAULTS, load_certificate, load_der

__all__ = ["PIN_BYTES", "pin_of", "pinned_leaf"]

PIN_BYTES = 33
"""SEC 1 section 2.3.3, compressed."""


def pin_of(ca_pem: str) -> bytes:
    """The pin of a CA.

    Raises:
        Misuse: ``bad-certificate`` when its key is not on P-256.
    """
    key = load_certificate(ca_pem).public_key()
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise Misuse("bad-certificate", "the CA's key is not on P-256")
    return key.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.CompressedPoint)


def pinned_leaf(der: bytes, pin: bytes, where: str) -> str:
    """The certificate that a relay presented, in PEM, when the pinned CA issued it.

    That it is for the relay's name is left to TLS, which is then told to believe this one alone.

    Args:
        der: as it was presented.
        where: the relay, for messages.

    Raises:
        Unreachable: ``relay-tls-failed``.
    """
    try:
        leaf = load_der(der)
        algorithm = leaf.signature_hash_algorithm
        if algorithm is None:
            raise ValueError("not ECDSA")
        key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), pin)
        key.verify(leaf.signature, leaf.tbs_certificate_bytes, ec.ECDSA(algorithm))
    except PARSE_FAULTS:
        raise _impostor(where) from None
    except InvalidSignature:
        raise _impostor(where) from None
    _check_dates(leaf, where)
    return leaf.public_bytes(serialization.Encoding.PEM).decode()


def _impostor(where: str) -> Unreachable:
    return Unreachable(
        "relay-tls-failed",
        "its certificate is not that of the relay which is meant",
        where=where,
        hint="a proxy that inspects TLS has to let it pass unopened; else ask for a new invitation",
    )


def _check_dates(leaf: x509.Certificate, where: str) -> None:
    if not leaf.not_valid_before_utc <= datetime.now(UTC) <= leaf.not_valid_after_utc:
        raise Unreachable(
            "relay-tls-failed",
            "its certificate is not valid now",
            where=where,
            hint="is this machine's clock right?",
        )
