"""The parts of making a relay that the flow does not show: one's own machine, and what stands in the way."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.cli.relay_doubles import TOKEN, World
from tunnel_whisperer.audit import select
from tunnel_whisperer.base.errors import Misuse, TwError
from tunnel_whisperer.operations.providers import credentials_of, open_account
from tunnel_whisperer.operations.relay_flow import RelayOrder, make_relay, wait_for_relay
from tunnel_whisperer.operations.relay_making import (
    begun,
    begun_of,
    look_at_provider,
    relay_before,
    ssh_stays_open,
    take_own_machine,
)
from tunnel_whisperer.operations.steps import quiet
from tunnel_whisperer.profile import Profile
from tunnel_whisperer.tenancy import make_relay_identity

DOMAIN = "relay.example.org"


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return World(monkeypatch)


def test_ones_own_machine_gets_a_script_and_is_waited_for(world: World, tmp_path: Path) -> None:
    profile = Profile(tmp_path)
    assert begun(profile) is None and not ssh_stays_open(profile, None)
    own = take_own_machine(profile, DOMAIN, ("9.9.9.9", "2001:db8::1"), True, quiet)
    assert own.script.startswith(b"#!") and DOMAIN.encode() in own.script
    assert own.file_name == f"{DOMAIN}-install.sh"
    assert own.command("x.sh").startswith("scp x.sh root@9.9.9.9:tw-install.sh && ssh root@9.9.9.9 ")
    now = begun(profile)
    assert now is not None and (now.provider, len(now.records)) == ("manual", 2)
    assert ssh_stays_open(profile, None) and not ssh_stays_open(profile, False)
    assert asyncio.run(wait_for_relay(profile, quiet)).addresses == ("9.9.9.9", "2001:db8::1")
    take_own_machine(profile, DOMAIN, ("9.9.9.9", "2001:db8::1"), None, quiet)
    take_own_machine(profile, DOMAIN, ("8.8.8.8",), None, quiet)
    noted = [
        record.fields["addresses"] for record in select(profile.audit, lambda r: r.event == "machine-made")
    ]
    assert noted == [["9.9.9.9", "2001:db8::1"], ["8.8.8.8"]]


def test_an_embedded_relay_is_left_alone(tmp_path: Path) -> None:
    profile = Profile(tmp_path)
    assert relay_before(profile) is None and begun_of(profile, DOMAIN) is None
    make_relay_identity(profile, "relay.test")
    for act in (
        lambda: relay_before(profile),
        lambda: take_own_machine(profile, DOMAIN, ("9.9.9.9",), None, quiet),
    ):
        with pytest.raises(Misuse) as refused:
            act()
        assert refused.value.code == "wrong-role"


def test_the_rest_of_another_region_is_removed_first(world: World, tmp_path: Path) -> None:
    profile = Profile(tmp_path)
    credentials = credentials_of("digitalocean", {"token": TOKEN})
    world.bench.double.refusals["POST /v2/droplets"] = [422, 422]
    with pytest.raises(TwError):
        asyncio.run(make_relay(profile, RelayOrder(DOMAIN, "digitalocean"), credentials, quiet))
    world.bench.double.refusals.clear()
    driver = open_account("digitalocean", credentials)
    hint = begun_of(profile, DOMAIN)
    assert hint is not None and look_at_provider(profile, driver, hint, hint.region, quiet) == (hint, False)
    assert world.bench.there() != []
    told: list[str] = []
    elsewhere = next(each.name for each in driver.regions() if each.name != hint.region)
    found = look_at_provider(
        profile, driver, hint, elsewhere, lambda part, state, words, hint="": told.append(f"{part} {state}")
    )
    assert found == (None, False) and world.bench.there() == [] and begun_of(profile, DOMAIN) is None
    assert told[0] == "machine started" and told[-1].endswith(" done")
