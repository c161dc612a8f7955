"""tw export user."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from tests.kit.command import Tw
from tests.kit.terminal import typed
from tunnel_whisperer.bundle import decrypt, open_bundle
from tunnel_whisperer.tenancy import users


@pytest.fixture
def server(server: Tw) -> Tw:
    """With alice, who has a port."""
    server.ok("create", "user", "alice", "-m", "22", "--out", "first.zip")
    return server


def test_the_file_is_written_again_as_things_stand_now(server: Tw, tmp_path: Path) -> None:
    server.ok("edit", "user", "alice", "-m", "80", "--yes")
    out = server.ok("export", "user", "alice").splitlines()
    assert out[0] == "alice-tw-config.zip"
    assert out[-1].endswith("There: tw connect alice-tw-config.zip")
    first = open_bundle((tmp_path / "first.zip").read_bytes())
    again = open_bundle((tmp_path / "alice-tw-config.zip").read_bytes())
    assert [x.local_port for x in again.config.client.tunnels] == [22, 80]
    assert (first.config.client.revision, again.config.client.revision) == (1, 2)
    for name in ("id_ed25519", "client.crt", "client.key"):
        assert first.files[name] == again.files[name]
    assert (tmp_path / "alice-tw-config.zip").stat().st_mode & 0o777 == 0o600


def test_a_file_is_replaced_when_that_is_asked_for(server: Tw, tmp_path: Path) -> None:
    (tmp_path / "first.zip").write_text("mine")
    assert "--force" in server.refused("exists", "export", "user", "alice", "--out", "first.zip")
    assert (tmp_path / "first.zip").read_text() == "mine"
    server.ok("export", "user", "alice", "--out", "first.zip", "--force")
    open_bundle((tmp_path / "first.zip").read_bytes())


def test_it_is_encrypted_with_a_passphrase(server: Tw, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("correct horse\n")
    printed = server("export", "user", "alice", "--passphrase-file", "secret")
    assert printed.err == ""
    open_bundle(decrypt((tmp_path / "alice-tw-config.zip").read_bytes(), "correct horse"))


def test_a_certificate_near_its_end_is_renewed(
    server: Tw, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(users, "RENEW_BEFORE", timedelta(days=30000))
    assert "  with a new certificate, until 2" in server.ok("export", "user", "alice")
    first = open_bundle((tmp_path / "first.zip").read_bytes())
    again = open_bundle((tmp_path / "alice-tw-config.zip").read_bytes())
    assert first.files["client.crt"] != again.files["client.crt"]
    assert first.files["client.key"] == again.files["client.key"]


def test_who_is_not_let_in_is_told(server: Tw) -> None:
    server.ok("unregister", "alice")
    assert "  alice is unregistered now: tw apply alice lets them in again" in server.ok(
        "export", "user", "alice"
    )


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("no-such-name", ("ghost",)),
        ("bad-argument", ("../alice",)),
        ("bad-argument", ("x" * 300,)),
        ("bad-argument", ()),
        ("bad-argument", ("alice", "--out", ".")),
        ("bad-argument", ("alice", "--out", "nowhere/x.zip")),
        ("bad-argument", ("alice", "--passphrase")),
        ("file-unreadable", ("alice", "--passphrase-file", "nowhere")),
    ],
)
def test_nonsense_is_refused_and_writes_nothing(
    code: str, words: tuple[str, ...], server: Tw, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.refused(code, "export", "user", *words)
    assert [path.name for path in tmp_path.glob("*.zip")] == ["first.zip"]


def test_a_lost_key_is_named(server: Tw, tmp_path: Path) -> None:
    (server.directory / "users" / "alice" / "id_ed25519").unlink()
    assert "id_ed25519" in server.refused("not-set-up", "export", "user", "alice")
    assert not (tmp_path / "alice-tw-config.zip").exists()


def test_nothing_is_asked(server: Tw, monkeypatch: pytest.MonkeyPatch) -> None:
    typed(monkeypatch)
    server.ok("export", "user", "alice")


def test_it_is_a_servers_business(relay: Tw, tw: Tw) -> None:
    relay.refused("wrong-role", "export", "user", "alice")
    tw.refused("not-set-up", "export", "user", "alice")
