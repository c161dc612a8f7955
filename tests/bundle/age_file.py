"""Encrypted files in the age format, cheap to open: made by hand, not by the library that opens ours."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os

from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

__all__ = ["age_file"]


def _b64(data: bytes) -> bytes:
    return base64.b64encode(data).rstrip(b"=")


def _derive(key: bytes, salt: bytes, info: bytes) -> bytes:
    return HKDF(SHA256(), 32, salt, info).derive(key)


def age_file(content: bytes, passphrase: str, work: int = 2, *, told: str | None = None) -> bytes:
    """C2SP age.md, written from the specification; at most one chunk."""
    file_key, salt, nonce = os.urandom(16), os.urandom(16), os.urandom(16)
    wrap = hashlib.scrypt(
        passphrase.encode(), salt=b"age-encryption.org/v1/scrypt" + salt, n=2**work, r=8, p=1, dklen=32
    )
    body = ChaCha20Poly1305(wrap).encrypt(bytes(12), file_key, None)
    head = b"age-encryption.org/v1\n-> scrypt " + _b64(salt) + b" " + (told or str(work)).encode()
    head += b"\n" + _b64(body) + b"\n---"
    mac = hmac.digest(_derive(file_key, b"", b"header"), head, "sha256")
    payload = ChaCha20Poly1305(_derive(file_key, nonce, b"payload")).encrypt(bytes(11) + b"\1", content, None)
    return head + b" " + _b64(mac) + b"\n" + nonce + payload
