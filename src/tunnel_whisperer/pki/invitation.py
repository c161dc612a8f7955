"""What follows from the secret of an invitation, for who made it and for who has it.

    secret --HKDF-SHA256, one label each--> SSH key      Ed25519, RFC 8032: the 32 bytes
                                            TLS key      P-256: 48 bytes modulo (n - 1), plus 1
                                            UUID         version 4

Who made the invitation keeps the public keys alone: they tell the secret from any other, and do not
tell the secret. At a relay the TLS key is that of a CA which lives as long as the invitation, and
its owner issues himself what the gate asks for; so the relay's file holds nothing to steal.
"""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from .issue import CertificateAuthority, issue_client, make_ca
from .ssh_keys import public_key_of

__all__ = ["SECRET_BYTES", "InvitationKeys", "invitation_authority", "invitation_leaf", "new_secret"]

SECRET_BYTES = 20
"""160 bits: nobody guesses it, and it need not be stretched."""

_LABEL = b"tunnel-whisperer invitation, format 1: "
_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""n of P-256 (FIPS 186-4 D.1.2.3)."""


def new_secret() -> bytes:
    """A secret that nobody has."""
    return secrets.token_bytes(SECRET_BYTES)


@dataclass(frozen=True, slots=True)
class InvitationKeys:
    """The keys of one invitation."""

    ssh_private: str = field(repr=False)
    """OpenSSH PEM."""
    ssh_public: str
    """``ssh-ed25519 AAAA..``."""
    tls_key: str = field(repr=False)
    """PEM."""
    uuid: uuid.UUID = field(repr=False)
    """VLESS user id, where the invitation is a relay's."""

    @classmethod
    def of(cls, secret: bytes) -> InvitationKeys:
        """The keys that belong to a secret of ``SECRET_BYTES``."""
        ssh = Ed25519PrivateKey.from_private_bytes(_derived(secret, b"ssh", 32))
        pem = ssh.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
        ).decode()
        number = int.from_bytes(_derived(secret, b"tls", 48)) % (_ORDER - 1) + 1
        tls = ec.derive_private_key(number, ec.SECP256R1()).private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        user = uuid.UUID(bytes=_derived(secret, b"uuid", 16), version=4)
        return cls(pem, public_key_of(pem), tls.decode(), user)


def _derived(secret: bytes, what: bytes, length: int) -> bytes:
    assert len(secret) == SECRET_BYTES
    return HKDF(hashes.SHA256(), length, salt=None, info=_LABEL + what).derive(secret)


def invitation_authority(
    keys: InvitationKeys, days: float, now: Callable[[], datetime] | None = None
) -> CertificateAuthority:
    """The CA of a relay's invitation; made by the relay, and again by the guest.

    Args:
        days: of validity, from now on.
        now: the wall clock, in UTC.
    """
    return make_ca("invitation", now, key_pem=keys.tls_key, days=days)


def invitation_leaf(
    keys: InvitationKeys, days: float, now: Callable[[], datetime] | None = None
) -> tuple[str, str]:
    """What the guest shows to the relay's gate, and its key, both in PEM.

    Args:
        days: to the end of the invitation; a guest whose clock is slow is let in all the same.
        now: the wall clock, in UTC.
    """
    return issue_client(invitation_authority(keys, days, now), keys.uuid, "guest", days=days, now=now)
