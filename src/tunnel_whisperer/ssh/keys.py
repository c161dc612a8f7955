"""Ed25519 keys in OpenSSH's formats: make, read, normalise, fingerprint."""

from __future__ import annotations

from pathlib import Path

import asyncssh
from asyncssh import SSHKey

from ..base.errors import Misuse

__all__ = ["fingerprint", "generate_ed25519", "load_private", "load_public", "normalise_public"]

_ALGORITHM = "ssh-ed25519"


def generate_ed25519(comment: str = "") -> tuple[bytes, str]:
    """A new key pair.

    Args:
        comment: goes into both; one line.

    Returns:
        The private key as OpenSSH PEM, and the public line ``ssh-ed25519 AAAA... comment``.
    """
    key = asyncssh.generate_private_key(_ALGORITHM, comment=comment or None)
    return key.export_private_key(), key.export_public_key().decode().strip()


def load_private(source: bytes | Path) -> SSHKey:
    """The private key in a file, or in the PEM itself.

    Raises:
        Misuse: ``file-unreadable``, ``bad-key``.
    """
    where = str(source) if isinstance(source, Path) else ""
    try:
        pem = source.read_bytes() if isinstance(source, Path) else source
    except OSError as exc:
        raise Misuse("file-unreadable", exc.strerror or "cannot be read", where=where) from None
    try:
        key = asyncssh.import_private_key(pem)
    except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError):
        raise Misuse("bad-key", "this is not an unencrypted SSH private key", where=where) from None
    if key.get_algorithm() != _ALGORITHM:
        raise Misuse("bad-key", f"the key is {key.get_algorithm()}, not {_ALGORITHM}", where=where)
    return key


def load_public(text: str) -> SSHKey:
    """The public key of a line ``ssh-ed25519 AAAA... [comment]``.

    Raises:
        Misuse: ``bad-key``.
    """
    words = text.split(None, 2)
    if len(words) < 2 or words[0] != _ALGORITHM:
        raise Misuse("bad-key", f"a public key line begins with {_ALGORITHM}")
    try:
        return asyncssh.import_public_key(" ".join(words[:2]))
    except (asyncssh.KeyImportError, ValueError):
        raise Misuse("bad-key", "the public key is damaged") from None


def normalise_public(text: str) -> str:
    """``ssh-ed25519 AAAA...`` without comment, to compare keys by.

    Raises:
        Misuse: ``bad-key``.
    """
    words = load_public(text).export_public_key().decode().split()
    return " ".join(words[:2])


def fingerprint(text: str) -> str:
    """``SHA256:...`` of a public key line, as ssh-keygen prints it.

    Raises:
        Misuse: ``bad-key``.
    """
    return load_public(text).get_fingerprint()
