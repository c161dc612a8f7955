"""Port 22, shut at the provider and on the machine."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.cli.relay_doubles import TOKEN, World
from tunnel_whisperer.base.errors import Misuse, TwError, Unreachable
from tunnel_whisperer.operations.providers import credentials_of
from tunnel_whisperer.operations.relay_flow import RelayOrder, make_relay
from tunnel_whisperer.operations.relay_making import take_own_machine
from tunnel_whisperer.operations.relay_ssh_port import asked_provider, close_ssh
from tunnel_whisperer.operations.steps import quiet
from tunnel_whisperer.profile import Profile, load_config
from tunnel_whisperer.tenancy import make_relay_identity

DOMAIN = "relay.example.org"
CREDENTIALS = credentials_of("digitalocean", {"token": TOKEN})


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return World(monkeypatch)


def test_it_is_shut_everywhere_also_after_an_interruption(world: World, tmp_path: Path) -> None:
    profile = Profile(tmp_path)
    order = RelayOrder(DOMAIN, "digitalocean", ssh_open=True)
    asyncio.run(make_relay(profile, order, CREDENTIALS, quiet))
    assert (world.ssh_open, world.bench.inbound()) == (True, [22, 80, 443])
    world.tunnel = [Unreachable("relay-unreachable", "no way there")]
    with pytest.raises(Unreachable):
        asyncio.run(close_ssh(profile, load_config(profile.config), CREDENTIALS))
    assert not load_config(profile.config).relay.ssh_open and world.bench.inbound() == [80, 443]
    told: list[str] = []

    def tell(part: str, state: str, words: str, hint: str = "", /) -> None:
        told.append(f"{part} {state}")

    asyncio.run(close_ssh(profile, load_config(profile.config), CREDENTIALS, tell))
    assert not world.ssh_open
    assert told == ["provider started", "provider done", "machine done"]


def test_a_provider_that_refuses_changes_nothing(world: World, tmp_path: Path) -> None:
    profile = Profile(tmp_path)
    order = RelayOrder(DOMAIN, "digitalocean", ssh_open=True)
    asyncio.run(make_relay(profile, order, CREDENTIALS, quiet))
    for credentials, code in (
        (None, "bad-argument"),
        (credentials_of("digitalocean", {"token": "wrong"}), "cloud-token-refused"),
    ):
        with pytest.raises(TwError) as refused:
            asyncio.run(close_ssh(profile, load_config(profile.config), credentials))
        assert refused.value.code == code
    assert load_config(profile.config).relay.ssh_open


def test_of_ones_own_machine_no_provider_is_asked(world: World, tmp_path: Path) -> None:
    profile = Profile(tmp_path / "own")
    take_own_machine(profile, DOMAIN, ("9.9.9.9",), True, quiet)
    assert asked_provider(profile, load_config(profile.config)) is None
    asyncio.run(close_ssh(profile, load_config(profile.config), None))
    assert world.ssh_open is False
    embedded = Profile(tmp_path / "embedded")
    config = make_relay_identity(embedded, "relay.test")
    with pytest.raises(Misuse, match="not its business"):
        asyncio.run(close_ssh(embedded, config, None))
