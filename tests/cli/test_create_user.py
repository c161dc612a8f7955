"""tw create user: somebody is let in."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from tests.kit.command import Tw


def test_the_file_is_written_and_private(server: Tw, tmp_path: Path) -> None:
    out = server.ok("create", "user", "alice", "-m", "15432:5432", "-m", "10502:plc-7.plant.lan:502")
    assert out.splitlines()[0] == "alice-tw-config.zip"
    assert "10502 -> plc-7.plant.lan:502   (another machine than this server)" in out
    assert out.splitlines()[-1].endswith("tw connect alice-tw-config.zip")
    path = tmp_path / "alice-tw-config.zip"
    assert path.stat().st_mode & 0o777 == 0o600
    assert "config.yaml" in zipfile.ZipFile(path).namelist()
    record = (tmp_path / "server" / "authorized_keys").read_text()
    assert 'permitopen="127.0.0.1:5432",permitopen="plc-7.plant.lan:502",restrict,port-forwarding' in record


def test_an_expiry_is_written_in_utc(server: Tw, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server.ok("create", "user", "bob", "-m", "5432", "--expires", "2126-12-24T18:00+01:00")
    assert 'expiry-time="21261224170000Z"' in (tmp_path / "server" / "authorized_keys").read_text()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("alice",), "-m 5432"),
        (("alice", "-m", "5000-5010"), "range"),
        (("alice", "-m", "0"), "1 to 65535"),
        (("alice", "-m", "99999"), "1 to 65535"),
        (("alice", "-m", "5432:host name:1"), "host name"),
        (("alice", "-m", "5432", "-m", "5432:8080"), "5432"),
        (("a/b", "-m", "5432"), "a/b"),
        (("..", "-m", "5432"), ".."),
        (("x" * 300, "-m", "5432"), "xxx"),
        (("älice", "-m", "5432"), "lice"),
        (("alice", "-m", "5432", "--expires", "soon"), "2026-12-24T18:00"),
        (("alice", "-m", "5432", "--expires", "2001-01-01"), "over already"),
    ],
)
def test_nonsense_is_refused_and_changes_nothing(
    words: tuple[str, ...], says: str, server: Tw, tmp_path: Path
) -> None:
    assert says in server.refused("bad-argument", "create", "user", *words)
    assert "no users yet" in server.ok("list", "users")
    assert not list(tmp_path.glob("*.zip"))


def test_a_name_is_given_once(server: Tw) -> None:
    server.ok("create", "user", "alice", "-m", "5432")
    server.refused("exists", "create", "user", "alice", "-m", "5432", "--out", "other.zip")


def test_no_file_is_overwritten(server: Tw, tmp_path: Path) -> None:
    (tmp_path / "alice-tw-config.zip").write_text("mine")
    server.refused("exists", "create", "user", "alice", "-m", "5432")
    assert (tmp_path / "alice-tw-config.zip").read_text() == "mine"
    assert "no users yet" in server.ok("list", "users")


def test_it_is_a_servers_business(relay: Tw, tw: Tw) -> None:
    relay.refused("wrong-role", "create", "user", "alice", "-m", "5432")
    tw.refused("not-set-up", "create", "user", "alice", "-m", "5432")
