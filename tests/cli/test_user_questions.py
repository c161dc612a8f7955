"""What tw create user asks for."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.kit.terminal import typed
from tunnel_whisperer.base.errors import Misuse
from tunnel_whisperer.base.values import Grant
from tunnel_whisperer.cli.user_questions import ask_expiry, ask_name, ask_reach
from tunnel_whisperer.profile import Profile
from tunnel_whisperer.tenancy import AppBook, UserBook, make_server_identity


@pytest.fixture
def book(tmp_path: Path) -> UserBook:
    """One app, and alice who has a port."""
    profile = Profile(tmp_path / "server")
    make_server_identity(profile, "plant")
    AppBook(profile).create("historian", [Grant.parse("5432"), Grant.parse("10502:plc-7:502")])
    UserBook(profile).create("alice", [Grant.parse("22")])
    return UserBook(profile)


def test_a_name_is_asked_until_it_is_plain_and_new(
    book: UserBook, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    typed(monkeypatch, "", "Bob Smith", "../bob", "alice", "bob")
    assert ask_name(book) == "bob"
    said = " ".join(capsys.readouterr().err.split())
    assert "'Bob Smith' is not a user name (try: up to 63 lower-case letters" in said
    assert "there is a user 'alice' already" in said


def test_ports_and_apps_are_asked_until_an_empty_line(
    book: UserBook, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    typed(monkeypatch, "", "5000-5010", "22", "historian", "5432:80", "15432:80", "22", "historian", "")
    grants, apps = ask_reach("bob", book)
    assert grants == (Grant.parse("22"), Grant.parse("15432:80"))
    assert apps == ("historian",)
    said = " ".join(capsys.readouterr().err.split())
    assert "What may bob reach?" in said
    assert "10502 -> plc-7:502 (another machine)" in said
    assert "a user without a port can do nothing (try: 5432)" in said
    assert "is a range, and a grant opens one port" in said
    assert "bob would have local port 5432 twice" in said


def test_an_app_that_does_not_fit_is_not_taken(book: UserBook, monkeypatch: pytest.MonkeyPatch) -> None:
    typed(monkeypatch, "5432:80", "historian", "")
    assert ask_reach("bob", book) == ((Grant.parse("5432:80"),), ())


def test_an_end_may_be_left_out(book: UserBook, monkeypatch: pytest.MonkeyPatch) -> None:
    for answer in ("", "never"):
        typed(monkeypatch, answer)
        assert ask_expiry() is None
    typed(monkeypatch, "tomorrow", "2001-01-01", "2126-12-24T18:00Z")
    assert ask_expiry() == 4953808800


def test_without_a_terminal_the_flag_is_named(book: UserBook) -> None:
    with pytest.raises(Misuse) as caught:
        ask_reach("bob", book)
    assert caught.value.hint == "tw create user bob -m 5432"
    with pytest.raises(Misuse) as caught:
        ask_name(book)
    assert caught.value.hint == "add the name, as in tw create user alice -m 5432"
