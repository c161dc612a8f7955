"""What will be removed, as a value; then its removal, and what no context knows."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.cli.relay_doubles import TOKEN, World
from tests.provision.doubles.trouble import Killed
from tests.provision.drivers.contract import RELAY
from tunnel_whisperer.base.errors import Misuse, Unreachable
from tunnel_whisperer.operations.providers import credentials_of
from tunnel_whisperer.operations.relay_flow import RelayOrder, make_relay
from tunnel_whisperer.operations.relay_making import begun, take_own_machine
from tunnel_whisperer.operations.relay_removal import (
    Removal,
    find_relays,
    look_at_removal,
    need_machine,
    remove_orphan,
    remove_relay,
)
from tunnel_whisperer.operations.steps import Tell, quiet
from tunnel_whisperer.profile import Config, Profile, load_config
from tunnel_whisperer.provision.state import forget
from tunnel_whisperer.tenancy import make_relay_identity

DOMAIN = "relay.example.org"
CREDENTIALS = credentials_of("digitalocean", {"token": TOKEN})


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return World(monkeypatch)


@pytest.fixture
def made(world: World, tmp_path: Path) -> tuple[Profile, Config]:
    profile = Profile(tmp_path / "relay")
    asyncio.run(make_relay(profile, RelayOrder(DOMAIN, "digitalocean"), CREDENTIALS, quiet))
    return profile, load_config(profile.config)


def _remove(made: tuple[Profile, Config], tell: Tell = quiet, *, without: bool = False) -> Removal:
    return asyncio.run(remove_relay(*made, CREDENTIALS, tell, without_certificates=without))


def test_what_will_be_removed_is_what_is_removed(world: World, made: tuple[Profile, Config]) -> None:
    there = asyncio.run(look_at_removal(*made, CREDENTIALS))
    assert there.has_machine and f"{len(there.resources)} things of {DOMAIN}" in there.in_words()
    assert there.to_json()["resources"] == list(there.resources) and world.bench.there() != []
    told: list[str] = []

    def tell(part: str, state: str, words: str, hint: str = "", /) -> None:
        told.append(f"{part} {state}")

    assert _remove(made, tell) == there
    assert world.bench.there() == [] and begun(made[0]) is None
    assert told[:2] == ["certificates started", "certificates done"] and told[-1] == "machine done"
    assert "machine.droplet started" in told and "machine.droplet done" in told
    assert (made[0].relay / "certificates.tar").read_bytes() == b"tar"
    assert load_config(made[0].config) == made[1], "the identity stays"


def test_certificates_that_cannot_be_saved_stop_it_unless_they_are_given_up(
    world: World, made: tuple[Profile, Config]
) -> None:
    world.saved = Unreachable("relay-unreachable", "no way there")
    told: list[tuple[str, str]] = []

    def tell(part: str, state: str, words: str, hint: str = "", /) -> None:
        told.append((part, state))

    with pytest.raises(Unreachable) as refused:
        _remove(made, tell)
    assert "without saving" in refused.value.hint and told[-1] == ("certificates", "failed")
    assert world.bench.there() != []
    _remove(made, without=True)
    assert world.bench.there() == []


def test_a_removal_that_died_is_gone_on_with(world: World, made: tuple[Profile, Config]) -> None:
    world.bench.trouble.calm()
    world.bench.trouble.at = 8
    with pytest.raises(Killed):
        _remove(made)
    world.bench.trouble.calm()
    _remove(made)
    assert world.bench.there() == [] and begun(made[0]) is None


def test_what_is_gone_already_is_forgotten(world: World, made: tuple[Profile, Config]) -> None:
    world.bench.driver().destroy(RELAY, lambda step: None)
    assert _remove(made).resources == () and begun(made[0]) is None
    with pytest.raises(Misuse) as refused:
        need_machine(*made)
    assert refused.value.code == "not-set-up"


def test_ones_own_machine_is_forgotten(world: World, tmp_path: Path) -> None:
    profile = Profile(tmp_path / "own")
    take_own_machine(profile, DOMAIN, ("9.9.9.9",), None, quiet)
    config = load_config(profile.config)
    assert "which you remove yourself" in asyncio.run(look_at_removal(profile, config, None)).in_words()
    asyncio.run(remove_relay(profile, config, None, quiet))
    assert begun(profile) is None and (profile.relay / "certificates.tar").exists()


def test_credentials_and_a_standard_relay_are_needed(
    world: World, made: tuple[Profile, Config], tmp_path: Path
) -> None:
    with pytest.raises(Misuse, match="credentials for digitalocean"):
        asyncio.run(remove_relay(*made, None, quiet))
    embedded = Profile(tmp_path / "embedded")
    config = make_relay_identity(embedded, "relay.test")
    with pytest.raises(Misuse, match="nothing was made for it elsewhere"):
        asyncio.run(look_at_removal(embedded, config, None))


def test_a_relay_that_no_context_knows_is_found_and_removed(
    world: World, made: tuple[Profile, Config]
) -> None:
    profile = made[0]
    assert [each.relay_id for each in asyncio.run(find_relays("digitalocean", CREDENTIALS))] == [RELAY]
    with pytest.raises(Misuse, match="this context knows that relay"):
        asyncio.run(remove_orphan(profile, "digitalocean", RELAY, CREDENTIALS, quiet))
    forget(profile)
    asyncio.run(remove_orphan(profile, "digitalocean", RELAY, CREDENTIALS, quiet))
    assert world.bench.there() == []
    with pytest.raises(Misuse) as refused:
        asyncio.run(remove_orphan(profile, "digitalocean", RELAY, CREDENTIALS, quiet))
    assert refused.value.code == "no-such-name"
