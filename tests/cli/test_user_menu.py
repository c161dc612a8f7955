"""What tw edit user asks for."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.kit.terminal import typed
from tunnel_whisperer.base.errors import Misuse
from tunnel_whisperer.base.values import Grant
from tunnel_whisperer.cli.user_menu import ask_steps
from tunnel_whisperer.operations.user_steps import in_turn
from tunnel_whisperer.profile import Profile
from tunnel_whisperer.tenancy import AppBook, User, UserBook, make_server_identity


@pytest.fixture
def book(tmp_path: Path) -> UserBook:
    """One app, and alice who has a port."""
    profile = Profile(tmp_path / "server")
    make_server_identity(profile, "plant")
    AppBook(profile).create("historian", [Grant.parse("5432"), Grant.parse("10502:plc-7:502")])
    UserBook(profile).create("alice", [Grant.parse("22")])
    return UserBook(profile)


def _answered(book: UserBook, monkeypatch: pytest.MonkeyPatch, *answers: str) -> User:
    typed(monkeypatch, *answers)
    alice = book.get("alice")
    return in_turn(ask_steps(alice, book), alice)


def test_nothing_is_changed_by_leaving_at_once(book: UserBook, monkeypatch: pytest.MonkeyPatch) -> None:
    assert _answered(book, monkeypatch, "") == book.get("alice")


def test_everything_can_be_changed(
    book: UserBook, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    after = _answered(
        book, monkeypatch, "add", "80", "app", "historian", "remove", "22", "4", "2126-12-24T18:00Z", "5", ""
    )  # fmt: skip
    assert [grant.local_port for grant in after.grants] == [80, 5432, 10502]
    assert (after.expires, after.single_session) == (4953808800, True)
    said = capsys.readouterr().err
    assert "alice may reach:\n  22 -> 127.0.0.1:22\n  expires: never\n  one session at a time: no\n" in said
    assert "  5432 -> 127.0.0.1:5432 by historian\n" in said
    as_seen = said.replace("]: ", "]:\n").replace("): ", "):\n")  # the answer ends the line of its question
    assert max(map(len, as_seen.splitlines())) <= 80
    after = _answered(book, monkeypatch, "app", "historian", "3", "historian", "single", "5", "done")
    assert after == book.get("alice")


def test_a_wrong_answer_is_told_and_asked_again(
    book: UserBook, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    after = _answered(
        book, monkeypatch, "7", "add", "1-9", "22:80", "", "app", "hist", "", "remove", "historian", "22",
        "done", "add", "443", "done",
    )  # fmt: skip
    assert after.grants == (Grant.parse("443"),)
    said = " ".join(capsys.readouterr().err.split())
    for text in (
        "'7' is none of them (try: 1 to 6)",
        "is a range, and a grant opens one port",
        "alice would have local port 22 twice",
        "there is no app 'hist' (try: did you mean historian?)",
        "'historian' is not a port number",
        "alice may reach: nothing expires",
        "alice would have no port, and could do nothing",
    ):
        assert text in said


def test_a_menu_that_is_left_by_ctrl_d_changes_nothing(
    book: UserBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    for answers in ([], ["add"], ["add", "80"]):
        with pytest.raises(Misuse, match="nothing was changed"):
            _answered(book, monkeypatch, *answers)
