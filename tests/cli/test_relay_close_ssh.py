"""Port 22 is shut at the provider and on the machine; both are doubles."""

from __future__ import annotations

import pytest

from tests.cli.relay_doubles import TOKEN, World
from tests.kit.command import Tw
from tunnel_whisperer.base.errors import Unreachable
from tunnel_whisperer.profile import Profile, load_config

DOMAIN = "relay.example.org"


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    world = World(monkeypatch)
    monkeypatch.setenv("DIGITALOCEAN_TOKEN", TOKEN)
    return world


@pytest.fixture
def opened(tw: Tw, world: World) -> Tw:
    flags = ("--provider", "digitalocean", "--domain", DOMAIN, "--ssh-open", "--yes")
    tw.ok("create", "relay-server", *flags)
    assert world.bench.inbound() == [22, 80, 443]
    return tw


def _state(tw: Tw, world: World) -> tuple[list[int], bool | None, bool]:
    return world.bench.inbound(), world.ssh_open, load_config(Profile(tw.directory).config).relay.ssh_open


def test_it_is_shut_everywhere_and_stays_so(opened: Tw, world: World) -> None:
    assert f"port 22 of {DOMAIN} is shut" in opened.ok("relay", "close-ssh")
    assert _state(opened, world) == ([80, 443], False, False)
    opened.ok("relay", "close-ssh")
    opened.ok("create", "relay-server", "--yes")
    assert _state(opened, world) == ([80, 443], False, False)
    opened.ok("create", "relay-server", "--yes", "--ssh-open")
    assert _state(opened, world) == ([22, 80, 443], True, True)


def test_a_machine_that_is_not_reached_is_shut_by_the_next_run(opened: Tw, world: World) -> None:
    world.tunnel = [Unreachable("relay-unreachable", "no way there")]
    assert opened("relay", "close-ssh").status == 4
    assert _state(opened, world) == ([80, 443], True, False)
    opened.ok("relay", "close-ssh")
    assert _state(opened, world) == ([80, 443], False, False)


def test_credentials_are_tried_before_anything_changes(
    opened: Tw, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DIGITALOCEAN_TOKEN", "wrong")
    opened.refused("cloud-token-refused", "relay", "close-ssh")
    monkeypatch.delenv("DIGITALOCEAN_TOKEN")
    assert "--credentials-file FILE" in opened.refused("bad-argument", "relay", "close-ssh")
    assert _state(opened, world) == ([22, 80, 443], True, True)


def test_a_machine_of_ones_own_needs_no_credentials(tw: Tw, world: World) -> None:
    flags = ("--provider", "manual", "--domain", DOMAIN, "--ip", "9.9.9.9", "--ssh-open")
    tw.ok("create", "relay-server", *flags)
    assert world.ssh_open is True
    tw.refused("bad-argument", "relay", "close-ssh", "--credentials-file", "x")
    tw.ok("relay", "close-ssh")
    assert world.ssh_open is False


def test_other_roles_are_refused(relay: Tw, server: Tw, world: World) -> None:
    relay.refused("wrong-role", "relay", "close-ssh")
    server.refused("wrong-role", "relay", "close-ssh")
