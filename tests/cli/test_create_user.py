"""tw create user: somebody is let in."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from tests.kit.command import Tw
from tests.kit.terminal import typed
from tunnel_whisperer.base.errors import Misuse
from tunnel_whisperer.bundle import decrypt, is_encrypted, open_bundle
from tunnel_whisperer.cli import create_user


def test_the_file_is_written_and_private(server: Tw, tmp_path: Path) -> None:
    out = server.ok("create", "user", "alice", "-m", "15432:5432", "-m", "10502:plc-7.plant.lan:502")
    assert out.splitlines()[0] == "alice-tw-config.zip"
    assert "10502 -> plc-7.plant.lan:502   (another machine)" in out
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
        (("alice", "-m", "[fd00::7]:502"), "LOCAL:HOST:PORT"),
        (("alice", "-m", ""), "1 to 65535"),
        (("alice", "-m", "x" * 300), "1 to 65535"),
        (("alice", "-m", "5432", "--expires", ""), "is not a time"),
        (("alice", "-m", "5432", "--expires", "soon"), "2030-12-24T18:00"),
        (("alice", "-m", "5432", "--expires", "2001-01-01"), "over already"),
        (("alice", "-m", "5432", "--out", "."), "this is a directory"),
        (("alice", "-m", "5432", "--out", "nowhere/a.zip"), "no such directory"),
        (("alice", "-m", "5432", "--passphrase"), "--passphrase-file FILE"),
        (("alice", "-m", "5432", "--passphrase", "--passphrase-file", "x"), "not allowed with"),
        (("-m", "5432"), "tw create user alice"),
        (("alice", "bob", "-m", "5432"), "unrecognized arguments: bob"),
    ],
)
def test_nonsense_is_refused_and_changes_nothing(
    words: tuple[str, ...], says: str, server: Tw, tmp_path: Path
) -> None:
    assert says in server.refused("bad-argument", "create", "user", *words)
    assert "no users yet" in server.ok("list", "users")
    assert not list(tmp_path.glob("*.zip"))


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("no-such-name", ("--app", "historian")),
        ("no-such-name", ("--app", "../x")),
        ("no-such-name", ("--app", "x" * 300)),
        ("no-such-name", ("--from", "ghost")),
        ("bad-argument", ("--from", "a/b")),
        ("file-unreadable", ("-m", "5432", "--passphrase-file", "nowhere")),
    ],
)
def test_what_is_not_there_is_named(code: str, words: tuple[str, ...], server: Tw, tmp_path: Path) -> None:
    server.refused(code, "create", "user", "alice", *words)
    assert "no users yet" in server.ok("list", "users")
    assert not list(tmp_path.glob("*.zip"))


def test_a_name_is_given_once(server: Tw) -> None:
    server.ok("create", "user", "alice", "-m", "5432")
    for words in (["-m", "5432", "--out", "other.zip"], []):
        assert "tw export user alice" in server.refused("exists", "create", "user", "alice", *words)


def test_somebody_may_do_what_another_may_and_more(server: Tw) -> None:
    server.ok("create", "app", "historian", "-m", "5432")
    server.ok("create", "user", "alice", "-m", "22", "--app", "historian", "--single-session",
              "--expires", "2126-12-24T18:00Z")  # fmt: skip
    server.ok("create", "user", "bob", "--from", "alice", "-m", "80", "-m", "22", "--expires", "never")
    server.ok("create", "user", "carol", "--from", "alice", "--no-single-session")
    alice, bob, carol = json.loads(server.ok("list", "users", "--json"))
    reach = {user["name"]: [x["local_port"] for x in user["grants"]] for user in (alice, bob, carol)}
    assert reach == {"alice": [22, 5432], "bob": [22, 80, 5432], "carol": [22, 5432]}
    assert [user["apps"] for user in (alice, bob, carol)] == [["historian"]] * 3
    assert [user["single_session"] for user in (alice, bob, carol)] == [True, True, False]
    assert [user["expires"] for user in (alice, bob, carol)] == [
        "2126-12-24T18:00:00+00:00",
        None,
        "2126-12-24T18:00:00+00:00",
    ]


def test_the_file_can_be_encrypted_and_a_plain_one_warns(server: Tw, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("correct horse\n")
    assert "not encrypted" in server("create", "user", "alice", "-m", "5432").err
    printed = server("create", "user", "bob", "-m", "5432", "--passphrase-file", "secret")
    assert printed.err == ""
    assert printed.out.splitlines()[-1] == "Tell them the passphrase by another way than the file."
    data = (tmp_path / "bob-tw-config.zip").read_bytes()
    assert is_encrypted(data)
    assert open_bundle(decrypt(data, "correct horse")).config.client.revision == 1


def test_a_file_that_cannot_be_written_leaves_no_user(
    server: Tw, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(create_user, "write_file", _no_space)
        server.refused("state-not-written", "create", "user", "alice", "-m", "5432")
    assert not (server.directory / "users" / "alice").exists()
    assert "alice" not in (server.directory / "authorized_keys").read_text()
    server.ok("create", "user", "alice", "-m", "5432")


def _no_space(*args: object) -> None:
    raise Misuse("state-not-written", "no space")


def test_a_server_without_a_relay_has_no_users_and_nobody_is_asked(
    tw: Tw, monkeypatch: pytest.MonkeyPatch
) -> None:
    tw.ok("join", "relay.test", "--id", "plant", "--out", "q.json")
    typed(monkeypatch, "alice")
    assert "tw join --apply" in tw.refused("not-set-up", "create", "user")
    assert not (tw.directory / "users").exists()


def test_what_is_missing_is_asked_for(server: Tw, monkeypatch: pytest.MonkeyPatch) -> None:
    typed(monkeypatch, "alice", "5432", "", "")
    assert server.ok("create", "user").splitlines()[:2] == [
        "alice-tw-config.zip",
        "  5432 -> 127.0.0.1:5432",
    ]
    typed(monkeypatch, "22", "", "2126-12-24T18:00")
    assert "  until 2126-12-24 18:00" in server.ok("create", "user", "bob")
    typed(monkeypatch, "carol", "")
    server.ok("create", "user", "-m", "80")
    typed(monkeypatch)  # nothing is missing: nothing is asked
    server.ok("create", "user", "dave", "-m", "80")
    typed(monkeypatch, "erin")
    server.ok("create", "user", "--from", "alice")


def test_an_answer_that_does_not_come_changes_nothing(
    server: Tw, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    typed(monkeypatch, "alice", "5432", "")
    printed = server("create", "user")
    assert printed.status == 2
    assert "no answer was given; nothing was changed (try: answer with --expires TIME)" in printed.err
    assert "no users yet" in server.ok("list", "users")
    assert not list(tmp_path.glob("*.zip"))


def test_no_file_is_overwritten(server: Tw, tmp_path: Path) -> None:
    (tmp_path / "alice-tw-config.zip").write_text("mine")
    server.refused("exists", "create", "user", "alice", "-m", "5432")
    assert (tmp_path / "alice-tw-config.zip").read_text() == "mine"
    assert "no users yet" in server.ok("list", "users")


def test_it_is_a_servers_business(relay: Tw, tw: Tw) -> None:
    relay.refused("wrong-role", "create", "user", "alice", "-m", "5432")
    tw.refused("not-set-up", "create", "user", "alice", "-m", "5432")
