"""Passphrases: typed at the terminal, or out of a file."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import pytest

from tunnel_whisperer.base.errors import Misuse
from tunnel_whisperer.cli import passphrase
from tunnel_whisperer.cli.passphrase import add_passphrase_flags, new_passphrase, passphrase_in


def _args(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_passphrase_flags(parser)
    return parser.parse_args(words)


def test_without_a_flag_there_is_none() -> None:
    assert new_passphrase(_args()) is None


def test_it_is_asked_for_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []

    def ask_secret(question: str, **how: object) -> str:
        asked.append((question, how))
        return "correct horse"

    monkeypatch.setattr(passphrase, "ask_secret", ask_secret)
    given = new_passphrase(_args("--passphrase"))
    assert given is not None
    assert given.reveal() == "correct horse"
    assert asked == [("Passphrase", {"flag": "--passphrase-file FILE", "twice": True})]


def test_a_file_without_a_name_is_not_no_passphrase() -> None:
    with pytest.raises(Misuse) as caught:
        new_passphrase(_args("--passphrase-file", ""))
    assert caught.value.code == "file-unreadable"


def test_the_first_line_of_a_file_is_one(tmp_path: Path) -> None:
    path = tmp_path / "pp"
    path.write_text("zwölf Boxkämpfer \nmore\n", encoding="utf-8")
    given = new_passphrase(_args("--passphrase-file", str(path)))
    assert given is not None
    assert given.reveal() == "zwölf Boxkämpfer "
    assert "Box" not in repr(given)


@pytest.mark.parametrize("content", ["", "\n", "  \t\nsecret\n"])
def test_an_empty_line_is_none(tmp_path: Path, content: str) -> None:
    path = tmp_path / "pp"
    path.write_text(content)
    with pytest.raises(Misuse) as caught:
        passphrase_in(path)
    assert (caught.value.code, caught.value.where) == ("bad-argument", str(path))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(Misuse) as caught:
        passphrase_in(tmp_path / "gone")
    assert caught.value.code == "file-unreadable"


def test_both_flags_at_once_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        _args("--passphrase", "--passphrase-file", "x")
    assert "not allowed with" in capsys.readouterr().err


def test_without_a_terminal_the_flag_of_scripts_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(Misuse) as caught:
        new_passphrase(_args("--passphrase"))
    assert caught.value.hint == "add --passphrase-file FILE"
