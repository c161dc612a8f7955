"""Files from outside, opened."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from tests.bundle.age_file import age_file
from tests.tenancy.setting import Setting, joined
from tunnel_whisperer.base.errors import Misuse
from tunnel_whisperer.base.values import Grant
from tunnel_whisperer.bundle import pack_backup, pack_client
from tunnel_whisperer.cli import bundle_file
from tunnel_whisperer.cli.bundle_file import add_open_flags, open_file
from tunnel_whisperer.tenancy import UserBook


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Setting:
    both = joined(tmp_path_factory.mktemp("both"))
    UserBook(both.server).create("alice", [Grant.parse("5432")])
    return both


@pytest.fixture(scope="module")
def plain(both: Setting) -> bytes:
    return pack_client(both.server, UserBook(both.server).get("alice"))


@pytest.fixture(scope="module")
def sealed(plain: bytes) -> bytes:
    return age_file(plain, "correct horse")


def _args(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_open_flags(parser)
    return parser.parse_args(words)


def _refused(code: str, args: argparse.Namespace, path: Path) -> Misuse:
    with pytest.raises(Misuse) as caught:
        open_file(args, path)
    assert caught.value.code == code
    return caught.value


def _typed(monkeypatch: pytest.MonkeyPatch, *answers: str) -> list[str]:
    """What is typed, in this order; what is left of it is returned as it shrinks."""
    left = list(answers)
    monkeypatch.setattr(bundle_file, "ask_secret", lambda question, flag: left.pop(0))
    return left


def test_a_plain_file_is_opened_without_a_question(plain: bytes, both: Setting, tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    path.write_bytes(plain)
    assert open_file(_args(), path).config.mode == "client"
    path.write_bytes(pack_backup(both.relay))
    assert open_file(_args(), path).config.mode == "relay"


def test_a_passphrase_in_a_file_opens_it(sealed: bytes, tmp_path: Path) -> None:
    (tmp_path / "x.zip").write_bytes(sealed)
    (tmp_path / "pp").write_text("correct horse\n")
    args = _args("--passphrase-file", str(tmp_path / "pp"))
    assert open_file(args, tmp_path / "x.zip").config.mode == "client"
    _refused("file-unreadable", _args("--passphrase-file", ""), tmp_path / "x.zip")
    (tmp_path / "pp").write_text("wrong\n")
    assert _refused("wrong-passphrase", args, tmp_path / "x.zip").where == str(tmp_path / "x.zip")


def test_a_slip_at_the_terminal_is_asked_again(
    sealed: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "x.zip").write_bytes(sealed)
    left = _typed(monkeypatch, "corect horse", "correct horse", "more")
    assert open_file(_args(), tmp_path / "x.zip").config.mode == "client"
    assert left == ["more"]
    assert "tw: wrong-passphrase: " in capsys.readouterr().err


def test_guessing_ends_after_three(sealed: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "x.zip").write_bytes(sealed)
    left = _typed(monkeypatch, "a", "b", "c", "correct horse")
    _refused("wrong-passphrase", _args(), tmp_path / "x.zip")
    assert left == ["correct horse"]


def test_a_passphrase_for_a_file_without_one_is_refused(plain: bytes, tmp_path: Path) -> None:
    (tmp_path / "x.zip").write_bytes(plain)
    (tmp_path / "pp").write_text("correct horse\n")
    told = _refused("bad-argument", _args("--passphrase-file", str(tmp_path / "pp")), tmp_path / "x.zip")
    assert "not encrypted" in told.why


def test_what_was_encrypted_is_checked_as_any_file(tmp_path: Path) -> None:
    (tmp_path / "x.zip").write_bytes(age_file(b"no zip", "p"))
    (tmp_path / "pp").write_text("p")
    told = _refused("bad-bundle", _args("--passphrase-file", str(tmp_path / "pp")), tmp_path / "x.zip")
    assert told.where == str(tmp_path / "x.zip")


def test_a_file_that_never_ends_is_not_read_to_its_end() -> None:
    assert _refused("bad-bundle", _args(), Path("/dev/zero")).where == "/dev/zero"


def test_what_is_no_file_is_named(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "gone", tmp_path / ("x" * 300)):
        assert _refused("file-unreadable", _args(), path).where == str(path)
