from __future__ import annotations

import json

import pytest

from tunnel_whisperer.base.errors import Misuse, PeerFault, Refused
from tunnel_whisperer.base.limits import MAX_PEER_REASON_CHARS
from tunnel_whisperer.tenancy import format_answer, format_refusal, read_answer


@pytest.mark.parametrize("text", ["", "x", "ü\n" * 1000])
def test_an_answer_comes_back(text: str) -> None:
    assert read_answer(format_answer(text)) == text


def test_a_refusal_comes_back_as_one() -> None:
    with pytest.raises(Refused) as caught:
        read_answer(format_refusal(Refused("invitation-over", "used", hint="ask")))
    assert (caught.value.code, caught.value.why, caught.value.hint) == ("invitation-over", "used", "ask")


def test_what_went_wrong_with_our_own_files_is_not_told() -> None:
    data = format_refusal(Misuse("state-not-written", "disk full", where="/etc/tw", hint="df /etc"))
    assert b"etc" not in data
    assert b"disk" not in data
    with pytest.raises(Refused, match="cannot be done now"):
        read_answer(data)


def test_the_words_of_the_other_end_are_one_printable_line() -> None:
    fields = {
        "format": 1,
        "kind": "refusal",
        "code": "made-up",
        "why": "a\x1b[31m\nb" + "x" * 900,
        "hint": "\x00",
    }
    with pytest.raises(Refused) as caught:
        read_answer(json.dumps(fields).encode())
    assert caught.value.code == "not-authorised"
    assert caught.value.why.startswith("a[31mb")
    assert len(caught.value.why) == MAX_PEER_REASON_CHARS
    assert caught.value.hint == ""


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"[]",
        b"\xff",
        b'{"format": 1}',
        b'{"format": 1, "kind": "answer"}',
        b"[" * 9000,
        b"x" * 200_000,
    ],
)
def test_nonsense_is_a_fault_of_the_other_end(data: bytes) -> None:
    with pytest.raises(PeerFault) as caught:
        read_answer(data)
    assert caught.value.code == "protocol-fault"
