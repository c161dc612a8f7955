"""AES-GCM for SSH packets (RFC 5647), for one direction and one key.

    uint32 length (in clear, authenticated) | sealed: padding length, payload, padding | tag (16)

The nonce is 4 fixed bytes and a 64-bit counter, both from the key exchange; each packet uses the
next value. asyncssh has the same, but builds the cipher anew for each packet and copies the
packet four times on its way.
"""

from __future__ import annotations

from asyncssh.encryption import Encryption, GCMEncryption
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

__all__ = ["TAG_BYTES", "Gcm"]

TAG_BYTES = 16
"""RFC 5647 section 5.1."""

_COUNTER_MASK = (1 << 64) - 1


class Gcm(Encryption):
    """Seals or opens packets in sequence; also speaks asyncssh's ``Encryption`` for its own packets.

    Args:
        key: 16 or 32 bytes.
        iv: 12 bytes, the first nonce.
    """

    def __init__(self, key: bytes, iv: bytes) -> None:
        self._aead = AESGCM(key)
        self._fixed = iv[:4]
        self._counter = int.from_bytes(iv[4:], "big")
        self.opened: bytes | None = None
        """A packet that was opened already and that asyncssh is about to ask for."""

    @classmethod
    def taken_from(cls, encryption: Encryption | None) -> Gcm | None:
        """Take over an unused cipher of asyncssh; None if it is not AES-GCM."""
        if not isinstance(encryption, GCMEncryption):
            return None
        cipher = encryption._cipher
        return cls(cipher._key, cipher._iv)

    def _nonce(self) -> bytes:
        nonce = self._fixed + self._counter.to_bytes(8, "big")
        self._counter = (self._counter + 1) & _COUNTER_MASK
        return nonce

    def seal(self, header: bytes, packet: bytes) -> bytes:
        """The packet encrypted, with its tag."""
        return self._aead.encrypt(self._nonce(), packet, header)

    def open(self, header: memoryview, sealed: memoryview) -> bytes | None:
        """The packet in clear; None if it was tampered with."""
        try:
            return self._aead.decrypt(self._nonce(), sealed, header)
        except InvalidTag:
            return None

    # -- asyncssh.encryption.Encryption -------------------------------------------------------

    def encrypt_packet(self, seq: int, header: bytes, packet: bytes) -> tuple[bytes, bytes]:
        """As asyncssh wants it: what to send, and its MAC, which is in there already."""
        return header + self.seal(header, packet), b""

    def decrypt_header(self, seq: int, first_block: bytes, header_len: int) -> tuple[bytes, bytes]:
        """The length is in clear."""
        return first_block, first_block[:header_len]

    def decrypt_packet(
        self, seq: int, first: bytes, rest: bytes, header_len: int, mac: bytes
    ) -> bytes | None:
        """The packet that was opened before, or this one opened now."""
        if self.opened is not None:
            opened, self.opened = self.opened, None
            return opened
        sealed = b"".join((first[header_len:], rest, mac))
        return self.open(memoryview(first)[:header_len], memoryview(sealed))
