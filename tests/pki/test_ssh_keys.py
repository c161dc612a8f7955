from __future__ import annotations

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from tunnel_whisperer.base.errors import Misuse
from tunnel_whisperer.pki import check_public_key, new_ssh_key, public_key_of, sign, verify
from tunnel_whisperer.ssh.keys import load_private, normalise_public

PRIVATE, PUBLIC = new_ssh_key()


def test_the_data_path_reads_the_same_key() -> None:
    assert load_private(PRIVATE.encode()).export_public_key().decode().strip() == PUBLIC
    assert (
        normalise_public(PUBLIC)
        == PUBLIC
        == public_key_of(PRIVATE)
        == check_public_key(f"{PUBLIC} me@here\n")
    )


def test_a_signature_counts_for_its_key_and_its_words_only() -> None:
    signature = sign(PRIVATE, b"words")
    assert verify(PUBLIC, signature, b"words")
    assert not verify(PUBLIC, signature, b"other words")
    assert not verify(new_ssh_key()[1], signature, b"words")
    assert not verify(PUBLIC, b"", b"words")


def _other_type() -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
    ).decode()


@pytest.mark.parametrize(
    "pem",
    ["", "nothing", PRIVATE[:100], PUBLIC, _other_type()],
    ids=["empty", "words", "cut short", "public", "another type"],
)  # fmt: skip
def test_what_is_no_ed25519_private_key_is_refused(pem: str) -> None:
    with pytest.raises(Misuse) as caught:
        public_key_of(pem)
    assert caught.value.code == "bad-key"


@pytest.mark.parametrize(
    "line",
    ["", "ssh-ed25519", "ssh-ed25519 AAAA", f"{PUBLIC[:-4]}", f"ssh-rsa {PUBLIC.split()[1]}", PUBLIC * 9,
     f"{PUBLIC}\n{PUBLIC}", "ssh-ed25519 " + "A" * 68],
    ids=["empty", "type alone", "short", "cut short", "another type", "long", "two lines", "no key"],
)  # fmt: skip
def test_what_is_no_public_key_line_is_refused(line: str) -> None:
    with pytest.raises(Misuse) as caught:
        check_public_key(line)
    assert caught.value.code == "bad-key"


@given(st.text(max_size=100))
def test_nothing_but_misuse_comes_out(text: str) -> None:
    for line in (text, f"ssh-ed25519 {text}", f"{PUBLIC[:40]}{text}"):
        try:
            check_public_key(line)
        except Misuse:
            pass
