from __future__ import annotations

import base64
import hashlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunnel_whisperer.base.errors import Misuse
from tunnel_whisperer.base.values import HostPort
from tunnel_whisperer.pki import new_secret, new_ssh_key
from tunnel_whisperer.tenancy import Token, is_token

KEY = new_ssh_key()[1]
JOIN = Token("join", bytes(20), 1_800_000_000, HostPort("relay.example", 443), b"\x02" * 33, KEY, "plant")
CONNECT = Token(
    "connect",
    new_secret(),
    1_800_000_000,
    HostPort("fd00::1", 8443),
    b"",
    KEY,
    "alice",
    "plant",
    20007,
    b"der" * 100,
)


@pytest.mark.parametrize("token", [JOIN, CONNECT, replace(JOIN, name=""), replace(JOIN, relay_pin=b"")])
def test_a_token_is_one_word_and_comes_back_the_same(token: Token) -> None:
    text = token.to_text()
    assert text.split() == [text]
    assert text.isascii()
    assert is_token(text)
    assert Token.parse(text, token.kind) == token


def test_a_servers_token_fits_in_a_message() -> None:
    assert len(JOIN.to_text()) < 200


def test_blanks_and_line_ends_of_a_mail_do_not_matter() -> None:
    text = JOIN.to_text()
    broken = "  " + "\r\n> ".join(text[i : i + 40] for i in range(0, len(text), 40)).replace("> ", " ") + "\n"
    assert Token.parse(broken, "join") == JOIN


def test_the_secret_is_not_shown() -> None:
    assert "secret" not in repr(CONNECT)


@pytest.mark.parametrize("cut", [0, 1, 4, 30])
def test_a_token_that_is_not_whole_is_told_as_that(cut: int) -> None:
    text = JOIN.to_text()
    text = text[: len(text) - 5 - cut]
    with pytest.raises(Misuse, match=r"missing or changed|damaged") as caught:
        Token.parse(text, "join")
    assert caught.value.code == "bad-token"
    assert "ask for a new one" in caught.value.hint


def test_a_changed_character_is_noticed() -> None:
    text = JOIN.to_text()
    for at in range(len("tw-join-"), len(text), 7):
        other = "A" if text[at] != "A" else "B"
        with pytest.raises(Misuse):
            Token.parse(text[:at] + other + text[at + 1 :], "join")


@pytest.mark.parametrize(
    ("text", "kind", "hint"), [(JOIN, "connect", "tw join"), (CONNECT, "join", "tw connect")]
)
def test_a_token_of_the_other_kind_says_what_to_type(text: Token, kind: str, hint: str) -> None:
    with pytest.raises(Misuse) as caught:
        Token.parse(text.to_text(), kind)
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    "text", ["", "tw-join-", "tw-join-!", "x", "tw-join-AAAA", "tw-join-" + "A" * 5000, "tw-join-ü"]
)
def test_nonsense_is_refused(text: str) -> None:
    with pytest.raises(Misuse) as caught:
        Token.parse(text, "join")
    assert caught.value.code == "bad-token"


def test_a_newer_format_asks_for_a_newer_tw() -> None:
    data = b"\x02rest"
    text = "tw-join-" + base64.urlsafe_b64encode(data + hashlib.sha256(data).digest()[:4]).decode().rstrip(
        "="
    )
    with pytest.raises(Misuse, match="by a newer tw"):
        Token.parse(text, "join")


@given(st.binary(max_size=300))
def test_whatever_is_in_it_with_a_right_checksum_only_misuse_comes_out(data: bytes) -> None:
    data = b"\x01" + data
    text = "tw-connect-" + base64.urlsafe_b64encode(data + hashlib.sha256(data).digest()[:4]).decode().rstrip(
        "="
    )
    with pytest.raises(Misuse) as caught:
        Token.parse(text, "connect")
    assert caught.value.code == "bad-token"
