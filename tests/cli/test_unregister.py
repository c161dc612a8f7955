"""tw unregister."""

from __future__ import annotations

import json

from tests.kit.command import Tw


def test_an_unregistered_user_is_not_let_in_and_keeps_the_files(server: Tw) -> None:
    server.ok("create", "user", "alice", "-m", "5432")
    says = "unregistered alice; tw apply alice lets them in again\n"
    assert server.ok("unregister", "alice") == says
    assert (server.directory / "authorized_keys").read_text() == ""
    assert (server.directory / "users" / "alice" / "id_ed25519").exists()
    (user,) = json.loads(server.ok("list", "users", "--json"))
    assert (user["let_in"], user["state"]) == (False, "unregistered")
    assert server.ok("unregister", "alice").startswith("alice was unregistered already")


def test_nonsense_is_refused(server: Tw, relay: Tw, tw: Tw) -> None:
    server.ok("create", "user", "alice", "-m", "5432")
    assert "did you mean alice?" in server.refused("no-such-name", "unregister", "alise")
    for words in (("../alice",), ("x" * 300,), ("älice",), (), ("alice", "bob")):
        server.refused("bad-argument", "unregister", *words)
    assert json.loads(server.ok("list", "users", "--json"))[0]["let_in"]
    relay.refused("wrong-role", "unregister", "alice")
    tw.refused("not-set-up", "unregister", "alice")
