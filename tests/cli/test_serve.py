"""tw serve, up to the point where it dials."""

from __future__ import annotations

from pathlib import Path

from tests.kit.command import Tw
from tunnel_whisperer.profile import Profile, running


def test_a_server_that_is_not_enrolled_says_what_to_do(tw: Tw) -> None:
    tw.refused("not-set-up", "serve")
    tw.ok("join", "relay.test", "--id", "plant")
    assert "join --apply" in tw.refused("not-set-up", "serve")


def test_a_relay_does_not_serve(relay: Tw) -> None:
    assert "relay's" in relay.refused("wrong-role", "serve")


def test_another_roles_process_is_not_to_be_stopped_for_it(relay: Tw) -> None:
    with running(Profile(relay.directory), "tw relay run"):
        relay.refused("wrong-role", "serve")
        relay.refused("wrong-role", "connect")


def test_a_damaged_key_is_named(server: Tw, tmp_path: Path) -> None:
    for name in ("ssh_host_ed25519_key", "id_ed25519"):
        (tmp_path / "server" / name).write_text("rubbish")
        assert name in server.refused("bad-key", "serve")
