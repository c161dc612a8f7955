"""A server beside its relay's context, as one act."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from tests.cli.relay_doubles import World
from tunnel_whisperer.base.errors import Misuse, Unreachable
from tunnel_whisperer.operations.own_server import make_own_server
from tunnel_whisperer.operations.steps import quiet
from tunnel_whisperer.profile import Context, Contexts, Profile, load_config, save_config
from tunnel_whisperer.tenancy import make_relay_identity, make_standard_relay_identity

DOMAIN = "relay.example.org"


@pytest.fixture
def contexts(tmp_path: Path) -> Contexts:
    """With a standard relay."""
    contexts = Contexts(tmp_path)

    def fill(profile: Profile) -> None:
        make_standard_relay_identity(profile, DOMAIN)

    contexts.create(DOMAIN, fill, activate=True)
    return contexts


def _relay(contexts: Contexts) -> Context:
    return contexts.find(DOMAIN)


def test_it_is_enrolled_and_active(contexts: Contexts, monkeypatch: pytest.MonkeyPatch) -> None:
    world, relay = World(monkeypatch), _relay(contexts)
    config = load_config(relay.profile.config)
    told: list[str] = []

    def tell(part: str, state: str, words: str, hint: str = "", /) -> None:
        told.append(f"{part} {state}")

    made = asyncio.run(make_own_server(contexts, relay.profile, config, "plant", tell))
    assert (made.context.name, made.relay.name) == ("plant", DOMAIN) and told[-1] == "server done"
    server = load_config(made.context.profile.config)
    assert (server.server_id, server.xray.relay_host) == ("plant", DOMAIN)
    assert world.applied == [("plant", "relay-admin")]
    assert contexts.active_profile() == made.context.profile


def test_what_was_interrupted_is_completed_and_the_active_context_may_stay(
    contexts: Contexts, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, relay = World(monkeypatch), _relay(contexts)
    contexts.use(relay)
    config = load_config(relay.profile.config)
    world.tunnel = [Unreachable("relay-unreachable", "no way there")]
    with pytest.raises(Unreachable):
        asyncio.run(make_own_server(contexts, relay.profile, config, "plant", quiet, use=False))
    made = asyncio.run(make_own_server(contexts, relay.profile, config, "plant", quiet, use=False))
    assert load_config(made.context.profile.config).xray.relay_host == DOMAIN
    assert contexts.active_profile() == relay.profile


def test_another_context_of_that_name_and_another_relay_are_left_alone(
    contexts: Contexts, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    world, relay = World(monkeypatch), _relay(contexts)
    config = load_config(relay.profile.config)
    made = asyncio.run(make_own_server(contexts, relay.profile, config, "plant", quiet))
    server = load_config(made.context.profile.config)
    elsewhere = replace(server, xray=replace(server.xray, relay_host="other.example.org"))
    save_config(made.context.profile.config, elsewhere)
    embedded = Profile(tmp_path / "embedded")
    embedded_config = make_relay_identity(embedded, "relay.test")
    for profile, own, name, code in (
        (relay.profile, config, "plant", "exists"),
        (relay.profile, config, "Not A Name", "bad-argument"),
        (embedded, embedded_config, "mill", "wrong-role"),
    ):
        with pytest.raises(Misuse) as refused:
            asyncio.run(make_own_server(contexts, profile, own, name, quiet))
        assert refused.value.code == code
    assert len(world.applied) == 1
