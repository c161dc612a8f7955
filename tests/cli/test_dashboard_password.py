"""The password of the dashboard, set from the command line."""

from __future__ import annotations

import asyncio
import io

import pytest

from tests.kit.command import Tw
from tunnel_whisperer.api.gate.password import Password


def _is_password(tw: Tw, text: str) -> bool:
    return asyncio.run(Password(tw.directory / "dashboard").verify(text))


def test_it_is_read_from_a_file_or_from_standard_input(tw: Tw, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tw.directory.parent / "secret"
    file.write_text("correct horse battery\nnot this line\n")
    assert "the password is set" in tw.ok("dashboard", "--set-password", "--password-file", str(file))
    assert _is_password(tw, "correct horse battery")
    monkeypatch.setattr("sys.stdin", io.StringIO("staple staple staple\n"))
    tw.ok("dashboard", "--set-password", "--password-file", "-")
    assert _is_password(tw, "staple staple staple") and not _is_password(tw, "correct horse battery")
    kept = (tw.directory / "dashboard" / "password.json").read_text()
    assert "staple" not in kept


def test_what_is_too_weak_is_refused_and_the_old_one_stands(tw: Tw) -> None:
    file = tw.directory.parent / "secret"
    file.write_text("correct horse battery\n")
    tw.ok("dashboard", "--set-password", "--password-file", str(file))
    for weak in ("short", "aaaaaaaaaaaaaaaa"):
        file.write_text(f"{weak}\n")
        tw.refused("weak-password", "dashboard", "--set-password", "--password-file", str(file))
    assert _is_password(tw, "correct horse battery")


def test_without_a_terminal_it_is_not_asked_for(tw: Tw) -> None:
    assert "--password-file FILE" in tw.refused("bad-argument", "dashboard", "--set-password")
