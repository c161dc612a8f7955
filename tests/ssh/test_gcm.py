"""Against the AES-GCM test cases that RFC 5647 builds on, and against asyncssh's own cipher.

Vectors: test cases 3 and 4 (128 bit) and 16 (256 bit) of the GCM specification (McGrew and Viega,
"The Galois/Counter Mode of Operation", appendix B), which NIST SP 800-38D refers to. In SSH the
additional data is the length field; the cipher itself takes any.
"""

from __future__ import annotations

import pytest
from asyncssh.crypto.cipher import GCMCipher
from asyncssh.encryption import GCMEncryption, get_encryption
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import GCM
from hypothesis import given
from hypothesis import strategies as st

from tunnel_whisperer.ssh.gcm import TAG_BYTES, Gcm

_PLAIN = (
    "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
    "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39"
)
_AAD = "feedfacedeadbeeffeedfacedeadbeefabaddad2"
_KEY = "feffe9928665731c6d6a8f9467308308"
_NONCE = "cafebabefacedbaddecaf888"

VECTORS = [
    (
        _KEY,
        _PLAIN + "1aafd255",
        "",
        (
            "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e"
            "21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091473f5985"
        ),
        "4d5c2af327cd64a62cf35abd2ba6fab4",
    ),
    (
        _KEY,
        _PLAIN,
        _AAD,
        (
            "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e"
            "21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091"
        ),
        "5bc94fbc3221a5db94fae95ae7121a47",
    ),
    (
        _KEY + _KEY,
        _PLAIN,
        _AAD,
        (
            "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
            "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
        ),
        "76fc6ece0f4e1768cddf8853bb2d551b",
    ),
]


@pytest.mark.parametrize(("key", "plain", "aad", "sealed", "tag"), VECTORS)
def test_the_published_vectors(key: str, plain: str, aad: str, sealed: str, tag: str) -> None:
    there = Gcm(bytes.fromhex(key), bytes.fromhex(_NONCE))
    assert there.seal(bytes.fromhex(aad), bytes.fromhex(plain)).hex() == sealed + tag
    back = Gcm(bytes.fromhex(key), bytes.fromhex(_NONCE))
    opened = back.open(memoryview(bytes.fromhex(aad)), memoryview(bytes.fromhex(sealed + tag)))
    assert opened is not None and opened.hex() == plain


def _reference(key: bytes, nonce: bytes, aad: bytes, plain: bytes) -> bytes:
    """OpenSSL through its general interface."""
    encryptor = Cipher(AES(key), GCM(nonce)).encryptor()
    encryptor.authenticate_additional_data(aad)
    return encryptor.update(plain) + encryptor.finalize() + encryptor.tag


def test_each_packet_counts_the_last_eight_bytes_of_the_nonce_up() -> None:
    """RFC 5647 section 7.1: 4 fixed bytes, then a 64-bit counter that wraps on its own."""
    key, fixed = b"k" * 16, b"\xff\xff\xff\xff"
    gcm = Gcm(key, fixed + b"\xff" * 7 + b"\xfe")
    for counter in (2**64 - 2, 2**64 - 1, 0, 1):
        nonce = fixed + counter.to_bytes(8, "big")
        assert gcm.seal(b"head", b"packet") == _reference(key, nonce, b"head", b"packet")


@given(st.binary(min_size=16, max_size=16), st.lists(st.binary(max_size=100), max_size=5))
def test_a_cipher_taken_over_goes_on_where_asyncssh_stopped(key: bytes, packets: list[bytes]) -> None:
    iv = bytes(range(12))
    theirs = get_encryption(b"aes128-gcm@openssh.com", key, iv)
    mirror = GCMCipher("aes128-gcm", key, iv)
    for packet in packets:
        theirs.encrypt_packet(0, b"\0\0\0\1", packet)
        mirror.encrypt_and_sign(b"\0\0\0\1", packet)
    ours = Gcm.taken_from(theirs)
    assert ours is not None
    assert ours.encrypt_packet(7, b"\0\0\0\5", b"hello")[0] == b"".join(
        mirror.encrypt_and_sign(b"\0\0\0\5", b"hello")
    )


def test_packets_for_asyncssh_are_opened_as_asyncssh_cuts_them() -> None:
    key, iv, header, packet = b"k" * 32, b"i" * 12, b"\0\0\0\x20", b"p" * 32
    wire, mac = Gcm(key, iv).encrypt_packet(0, header, packet)
    assert mac == b"" and wire[:4] == header
    opener = Gcm(key, iv)
    assert opener.decrypt_header(0, wire[:16], 4) == (wire[:16], header)
    assert opener.decrypt_packet(0, wire[:16], wire[16:-16], 4, wire[-16:]) == packet


def test_a_packet_that_was_opened_already_is_not_opened_twice() -> None:
    opener = Gcm(b"k" * 16, b"i" * 12)
    opener.opened = b"in clear"
    assert opener.decrypt_packet(0, b"?" * 16, b"?", 4, b"?" * 16) == b"in clear"
    assert opener.opened is None


@given(st.data())
def test_any_change_is_noticed(data: st.DataObject) -> None:
    header, packet = b"\0\0\0\x10", b"p" * 16
    sealed = bytearray(header + Gcm(b"k" * 16, b"i" * 12).seal(header, packet))
    assert len(sealed) == 4 + 16 + TAG_BYTES
    sealed[data.draw(st.integers(0, len(sealed) - 1))] ^= data.draw(st.integers(1, 255))
    opener = Gcm(b"k" * 16, b"i" * 12)
    assert opener.open(memoryview(sealed)[:4], memoryview(sealed)[4:]) is None


def test_another_cipher_is_not_taken_over() -> None:
    chacha = get_encryption(b"chacha20-poly1305@openssh.com", b"k" * 64, b"")
    assert Gcm.taken_from(chacha) is None and Gcm.taken_from(None) is None


def test_asyncssh_keeps_key_and_nonce_where_we_take_them_from() -> None:
    theirs = get_encryption(b"aes256-gcm@openssh.com", b"k" * 32, b"i" * 12)
    assert isinstance(theirs, GCMEncryption)
    assert theirs._cipher._key == b"k" * 32 and theirs._cipher._iv == b"i" * 12
