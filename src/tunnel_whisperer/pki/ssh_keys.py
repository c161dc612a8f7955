"""Ed25519 keys in OpenSSH's formats, for identities and for signing what is handed from one to another.

The data path reads the same files with its own SSH library; OpenSSH's tools read them too.
"""

from __future__ import annotations

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from ..base.errors import Misuse

__all__ = ["check_public_key", "new_ssh_key", "public_key_of", "sign", "verify"]

_TYPE = "ssh-ed25519"
_MAX_LINE_CHARS = 512
"""A line has 80 characters and a comment."""


def new_ssh_key() -> tuple[str, str]:
    """A new private key (OpenSSH PEM) and its public line ``ssh-ed25519 AAAA...``."""
    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
    ).decode()
    return pem, _line(key.public_key())


def _line(key: Ed25519PublicKey) -> str:
    return key.public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH).decode()


def _private(pem: str | bytes) -> Ed25519PrivateKey:
    try:
        key = serialization.load_ssh_private_key(pem.encode() if isinstance(pem, str) else pem, None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise Misuse("bad-key", "this is not an unencrypted SSH private key") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise Misuse("bad-key", f"the private key is not {_TYPE}")
    return key


def _public(line: str) -> Ed25519PublicKey:
    words = line.split()
    if len(words) < 2 or words[0] != _TYPE or len(line) > _MAX_LINE_CHARS or "\n" in line.strip():
        raise Misuse("bad-key", f"a public key line begins with {_TYPE}")
    try:
        key = serialization.load_ssh_public_key(" ".join(words[:2]).encode())
    except (ValueError, UnsupportedAlgorithm):
        raise Misuse("bad-key", "the public key is damaged") from None
    assert isinstance(key, Ed25519PublicKey)
    return key


def public_key_of(private_pem: str | bytes) -> str:
    """The public line of a private key.

    Raises:
        Misuse: ``bad-key``.
    """
    return _line(_private(private_pem).public_key())


def check_public_key(line: str) -> str:
    """The line without its comment, to compare keys by.

    Raises:
        Misuse: ``bad-key``.
    """
    return _line(_public(line))


def sign(private_pem: str | bytes, data: bytes) -> bytes:
    """64 bytes, RFC 8032.

    Raises:
        Misuse: ``bad-key``.
    """
    return _private(private_pem).sign(data)


def verify(public_line: str, signature: bytes, data: bytes) -> bool:
    """Whether the owner of the public key signed exactly this.

    Raises:
        Misuse: ``bad-key``.
    """
    try:
        _public(public_line).verify(signature, data)
    except InvalidSignature:
        return False
    return True
