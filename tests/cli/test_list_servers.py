"""tw list servers."""

from __future__ import annotations

import json

from tests.kit.command import Tw


def test_an_empty_list_says_what_to_do(relay: Tw) -> None:
    assert "tw enroll" in relay.ok("list", "servers")
    assert json.loads(relay.ok("list", "servers", "--json")) == []


def test_it_is_a_relays_business(server: Tw) -> None:
    server.refused("wrong-role", "list", "servers")


def test_columns_stand_under_their_heads(relay: Tw, server: Tw) -> None:
    head, row = relay.ok("list", "servers").splitlines()
    assert head.split() == ["server", "port", "enrolled"]
    assert row.startswith("plant   20000")
