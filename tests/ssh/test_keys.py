from __future__ import annotations

import base64
import hashlib
from contextlib import suppress
from pathlib import Path

import asyncssh
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519
from hypothesis import given
from hypothesis import strategies as st

from tunnel_whisperer.base.errors import Misuse
from tunnel_whisperer.ssh.keys import (
    fingerprint,
    generate_ed25519,
    load_private,
    load_public,
    normalise_public,
)

_PEM, _ = generate_ed25519("x")


def _damaged(at: int) -> bytes:
    body = bytearray(_PEM)
    body[at % len(body)] ^= 1 + at % 7
    return bytes(body)


def test_a_new_pair_is_read_by_another_implementation() -> None:
    pem, line = generate_ed25519("anna@plant")
    private = serialization.load_ssh_private_key(pem, None)
    public = serialization.load_ssh_public_key(line.encode())
    assert isinstance(private, ed25519.Ed25519PrivateKey) and isinstance(public, ed25519.Ed25519PublicKey)
    assert private.public_key() == public
    assert line.endswith(" anna@plant") and "\n" not in line


def test_a_pair_of_another_implementation_is_read() -> None:
    key = ed25519.Ed25519PrivateKey.generate()
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
    )
    line = (
        key.public_key()
        .public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
        .decode()
    )
    assert load_private(pem).export_public_key().decode().split()[:2] == line.split()
    assert normalise_public(f"  {line}   a comment with words\n") == line


def test_every_pair_is_new() -> None:
    assert generate_ed25519()[1] != generate_ed25519()[1]


def test_a_private_key_comes_from_a_file(tmp_path: Path) -> None:
    pem, line = generate_ed25519()
    file = tmp_path / "id"
    file.write_bytes(pem)
    assert load_private(file).export_public_key().decode().split()[:2] == line.split()[:2]


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(Misuse, match="No such file") as info:
        load_private(tmp_path / "id")
    assert info.value.code == "file-unreadable" and info.value.where == str(tmp_path / "id")


def test_an_encrypted_key_is_refused() -> None:
    key = asyncssh.generate_private_key("ssh-ed25519")
    pem = key.export_private_key("pkcs8-pem", passphrase="secret")
    with pytest.raises(Misuse, match="unencrypted"):
        load_private(pem)


@pytest.mark.parametrize("algorithm", ["ecdsa-sha2-nistp256", "ssh-rsa"])
def test_another_kind_of_key_is_refused(algorithm: str) -> None:
    key = asyncssh.generate_private_key(algorithm)
    with pytest.raises(Misuse, match=algorithm):
        load_private(key.export_private_key())
    with pytest.raises(Misuse):
        load_public(key.export_public_key().decode())


def test_the_fingerprint_is_the_hash_of_the_key() -> None:
    _, line = generate_ed25519()
    digest = hashlib.sha256(base64.b64decode(line.split()[1])).digest()
    assert fingerprint(line) == "SHA256:" + base64.b64encode(digest).decode().rstrip("=")


@pytest.mark.parametrize(
    "text", ["", "ssh-ed25519", "ssh-ed25519 ", "ssh-ed25519 !!!!", "ssh-ed25519 AAAA", "ssh-rsa AAAA"]
)
def test_a_damaged_public_key_is_refused(text: str) -> None:
    with pytest.raises(Misuse) as info:
        load_public(text)
    assert info.value.code == "bad-key"


def test_a_key_of_one_kind_under_the_name_of_another_is_refused() -> None:
    other = asyncssh.generate_private_key("ecdsa-sha2-nistp256").export_public_key().decode().split()[1]
    with pytest.raises(Misuse):
        load_public(f"ssh-ed25519 {other}")


@given(st.one_of(st.binary(max_size=200), st.integers(0, 400).map(_damaged)))
def test_any_other_bytes_are_no_private_key(pem: bytes) -> None:
    with suppress(Misuse):
        load_private(pem)


@given(st.text(max_size=120).map(lambda text: f"ssh-ed25519 {text}"))
def test_any_other_text_is_no_public_key(text: str) -> None:
    with suppress(Misuse):
        load_public(text)
