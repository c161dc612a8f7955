from __future__ import annotations

import io
import json
import sys
import time

import pytest

from tunnel_whisperer.base.errors import Misuse
from tunnel_whisperer.base.values import HostPort
from tunnel_whisperer.cli import ask, invitation
from tunnel_whisperer.cli.invitation import given_token, lifetime_end, print_token
from tunnel_whisperer.pki import new_secret, new_ssh_key
from tunnel_whisperer.tenancy import Token

TOKEN = Token(
    "join", new_secret(), 1_800_000_000, HostPort("relay.example", 443), b"", new_ssh_key()[1], "plant"
)


@pytest.mark.parametrize(
    ("text", "seconds"), [(None, 86_400), ("24h", 86_400), ("30m", 1800), ("7d", 604_800), ("1m", 60)]
)
def test_a_length_of_time_has_a_unit(text: str | None, seconds: int) -> None:
    assert lifetime_end(text, "--expires") - time.time() == pytest.approx(seconds, abs=5)


@pytest.mark.parametrize("text", ["", "24", "h", "0h", "-1h", "1w", "1.5h", "24 h", "9999999d", "٣h", "1h1m"])
def test_what_is_no_length_of_time_is_refused_by_the_flag(text: str) -> None:
    if text:
        with pytest.raises(Misuse, match="no length of time") as caught:
            lifetime_end(text, "--invite-for")
        assert "--invite-for 24h" in caught.value.hint


def test_a_token_is_told_from_a_name() -> None:
    assert given_token(TOKEN.to_text(), "join") == TOKEN
    assert given_token("relay.example", "join") is None
    with pytest.raises(Misuse):
        given_token("tw-join-x", "join")


def test_a_dash_reads_it_where_others_do_not_see_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(TOKEN.to_text() + "\n"))
    assert given_token("-", "join") == TOKEN
    for nothing in (io.StringIO(""), io.TextIOWrapper(io.BytesIO(b"\xff\xfe"), encoding="utf-8")):
        monkeypatch.setattr(sys, "stdin", nothing)
        with pytest.raises(Misuse, match="no invitation"):
            given_token("-", "join")


def test_at_a_terminal_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (ask, invitation):
        monkeypatch.setattr(module, "at_terminal", lambda: True)
    monkeypatch.setattr("getpass.getpass", lambda prompt, stream: TOKEN.to_text())
    assert given_token("-", "join") == TOKEN


def test_who_types_nothing_is_told_what_else_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def ended(prompt: str, stream: object) -> str:
        raise EOFError

    for module in (ask, invitation):
        monkeypatch.setattr(module, "at_terminal", lambda: True)
    monkeypatch.setattr("getpass.getpass", ended)
    with pytest.raises(Misuse) as caught:
        given_token("-", "join")
    assert "in place of -" in caught.value.hint


def test_standard_output_is_the_token_alone(capsys: pytest.CaptureFixture[str]) -> None:
    print_token(TOKEN, "tw join", as_json=False)
    captured = capsys.readouterr()
    assert captured.out == TOKEN.to_text() + "\n"
    assert "Works once, until 2027-01-15" in captured.err
    assert "tw join -" in captured.err


def test_programs_get_its_end_as_well(capsys: pytest.CaptureFixture[str]) -> None:
    print_token(TOKEN, "tw join", as_json=True)
    assert json.loads(capsys.readouterr().out) == {
        "token": TOKEN.to_text(),
        "name": "plant",
        "expires": "2027-01-15T08:00:00+00:00",
    }
