"""tw unenroll: a server is removed."""

from __future__ import annotations

import pytest

from tests.kit.command import Tw


def test_a_removed_server_is_gone(relay: Tw, server: Tw) -> None:
    relay.ok("unenroll", "plant", "--yes")
    assert "no servers yet" in relay.ok("list", "servers")


def test_an_unknown_server_is_named(relay: Tw) -> None:
    assert "ghost" in relay.refused("no-such-name", "unenroll", "ghost", "--yes")


def test_without_a_terminal_a_yes_is_needed(relay: Tw, server: Tw) -> None:
    assert "--yes" in relay.refused("bad-argument", "unenroll", "plant")
    assert "plant" in relay.ok("list", "servers")


@pytest.mark.parametrize("name", ["../relay", "a/b", ""])
def test_a_name_is_no_way_out_of_the_directory(name: str, relay: Tw, server: Tw) -> None:
    result = relay("unenroll", name, "--yes")
    assert result.status != 0
    assert "plant" in relay.ok("list", "servers")


def test_an_invitation_is_withdrawn(relay: Tw) -> None:
    relay.ok("enroll", "--invite", "--name", "lab")
    assert relay.ok("unenroll", "lab", "--yes") == "removed the invitation lab\n"
    relay.refused("no-such-name", "unenroll", "lab", "--yes")
