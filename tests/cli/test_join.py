"""tw join: request out, response in."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.kit.command import Tw
from tunnel_whisperer.base.values import HostPort
from tunnel_whisperer.pki import new_secret, new_ssh_key
from tunnel_whisperer.tenancy import Token


def test_a_request_holds_nothing_secret(tw: Tw, tmp_path: Path) -> None:
    out = tw.ok("join", "relay.test", "--id", "plant")
    assert out.splitlines()[0] == "plant-request.json"
    text = (tmp_path / "plant-request.json").read_text()
    assert "PRIVATE" not in text
    assert json.loads(text)["relay_host"] == "relay.test"
    assert (tmp_path / "new" / "id_ed25519").stat().st_mode & 0o777 == 0o600


def test_asking_twice_gives_the_same_identity(tw: Tw, tmp_path: Path) -> None:
    tw.ok("join", "relay.test", "--id", "plant", "--out", "a.json")
    tw.ok("join", "relay.test", "--id", "plant", "--out", "b.json")
    assert (tmp_path / "a.json").read_text() == (tmp_path / "b.json").read_text()


@pytest.mark.parametrize("server_id", ["", "Plant", "a/b", "..", "x" * 32, "-x", "ü"])
def test_an_id_that_cannot_be_a_path_is_refused(server_id: str, tw: Tw) -> None:
    if server_id:
        tw.refused("bad-argument", "join", "relay.test", "--id", server_id)


@pytest.mark.parametrize("words", [("relay.test",), ("--id", "x"), ("--out", "x")])
def test_nothing_goes_with_a_response(words: tuple[str, ...], tw: Tw) -> None:
    assert "--apply" in tw.refused("bad-argument", "join", *words, "--apply", "x.json")


def test_a_relay_is_needed(tw: Tw) -> None:
    assert "tw join RELAY" in tw.refused("bad-argument", "join")


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"{", "bad-join-file"),
        (b"[]", "bad-join-file"),
        (b"\xff\xfe", "file-unreadable"),
        (b"x" * 1_100_000, "file-unreadable"),
    ],
)
def test_a_broken_response_is_refused(content: bytes, code: str, tw: Tw, tmp_path: Path) -> None:
    tw.ok("join", "relay.test", "--id", "plant")
    (tmp_path / "response.json").write_bytes(content)
    tw.refused(code, "join", "--apply", "response.json")


def test_a_response_for_somebody_else_is_refused(server: Tw, relay: Tw, tw: Tw, tmp_path: Path) -> None:
    tw.ok("join", "relay.test", "--id", "other")
    tw.refused("bad-join-file", "join", "--apply", str(tmp_path / "plant-a.json"))


def test_a_relays_directory_cannot_become_a_servers(relay: Tw) -> None:
    assert "relay" in relay.refused("wrong-role", "join", "relay.test", "--id", "plant")


def test_an_invitation_needs_no_other_files(tw: Tw, relay: Tw) -> None:
    token = relay.ok("enroll", "--invite").strip()
    tw.refused("bad-argument", "join", token, "--out", "x")
    tw.refused("bad-argument", "join", token, "--apply", "x")


def test_a_damaged_invitation_is_not_shown(tw: Tw) -> None:
    line = tw.refused("bad-token", "join", "tw-join-AQAUr1fZO1gh7ydk2Gq4bhuaMbtMGGgACAAAAABrCDjBAAls")
    assert "AQAUr1" not in line


def test_an_invitation_that_ended_is_told_before_anything_is_made(tw: Tw, tmp_path: Path) -> None:
    token = Token(
        "join", new_secret(), 1_700_000_000, HostPort("relay.test", 443), b"", new_ssh_key()[1], "plant"
    )
    assert "2023-11-1" in tw.refused("invitation-over", "join", token.to_text())
    assert not (tmp_path / "new" / "config.yaml").exists()
