"""A role is given by somebody, who signs it: so a config.yaml with another role in it is noticed.

    "tunnel-whisperer role, format 1\\n" <role> "\\n" <public key line of who has the role> "\\n"

signed with the SSH host key (Ed25519) of the issuer: a relay gives itself and its servers their
roles, a server its clients theirs. The first line keeps such a signature from passing for one of
a key exchange, which the same key makes.
"""

from __future__ import annotations

import base64
import binascii

from .ssh_keys import check_public_key, sign, verify

__all__ = ["is_role_signed", "sign_role"]

_PREFIX = "tunnel-whisperer role, format 1\n"


def _signed_bytes(role: str, subject: str) -> bytes:
    return f"{_PREFIX}{role}\n{check_public_key(subject)}\n".encode()


def sign_role(issuer_key: str | bytes, role: str, subject: str) -> str:
    """The signature, in base64.

    Args:
        issuer_key: private, OpenSSH PEM.
        role: ``relay``, ``server`` or ``client``.
        subject: public key line.

    Raises:
        Misuse: ``bad-key``.
    """
    return base64.b64encode(sign(issuer_key, _signed_bytes(role, subject))).decode()


def is_role_signed(issuer: str, signature: str, role: str, subject: str) -> bool:
    """Whether ``issuer`` gave this role to ``subject``.

    Args:
        issuer, subject: public key lines.
        signature: base64, as ``sign_role`` returned it.

    Raises:
        Misuse: ``bad-key``.
    """
    try:
        raw = base64.b64decode(signature, validate=True)
    except (ValueError, binascii.Error):
        return False
    return verify(issuer, raw, _signed_bytes(role, subject))
