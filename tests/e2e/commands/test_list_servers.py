from __future__ import annotations

import json

import pytest

from tests.e2e.commands.conftest import MachineFactory, Site

pytestmark = pytest.mark.e2e


def test_who_is_enrolled_is_listed_with_the_port(site: Site) -> None:
    assert "plant   20000" in site.relay.ok("list", "servers")
    (row,) = json.loads(site.relay.ok("list", "servers", "--json"))
    assert (row["server"], row["port"]) == ("plant", 20000)


def test_who_is_connected_and_since_when_is_told_by_the_running_relay(site: Site) -> None:
    assert "offline" in site.relay.ok("list", "servers")
    site.serve()
    tries = 50  # the relay tells what it does once a second
    while "online since" not in site.relay.ok("list", "servers"):
        tries -= 1
        assert tries
    (row,) = json.loads(site.relay.ok("list", "servers", "--json"))
    assert (row["online"], row["sessions"]) == (True, 0)
    assert row["since"]


def test_it_is_a_relays_business(site: Site, machine: MachineFactory) -> None:
    site.server.refused("wrong-role", "list", "servers")
    machine("new").refused("not-set-up", "list", "servers")
