"""What is done to a relay that is there, through the API; its machine and provider are doubles."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.api.routes.test_relay import CREDENTIALS, DOMAIN, ORDER, end_of
from tests.cli.relay_doubles import World
from tests.kit.clock import real_run
from tests.kit.house import open_house
from tunnel_whisperer.api.house import House
from tunnel_whisperer.base.errors import Unreachable
from tunnel_whisperer.daemon.standard_relay import StandardRelay
from tunnel_whisperer.operations.relay_making import begun, take_own_machine
from tunnel_whisperer.operations.steps import quiet
from tunnel_whisperer.profile import Profile, load_config
from tunnel_whisperer.provision.standard import Difference
from tunnel_whisperer.tenancy import TenantBook, make_relay_identity, make_server_identity


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return World(monkeypatch)


Main = Callable[[httpx.AsyncClient, House], Any]


def _run(directory: Path, main: Main) -> None:
    async def run() -> None:
        async with open_house(directory) as (house, client):
            await main(client, house)

    real_run(run())


def _made(directory: Path, main: Main) -> None:
    """With a relay whose machine is at the provider."""

    async def run(client: httpx.AsyncClient, house: House) -> None:
        assert (await end_of(client, await client.post("/relay/machine", json=ORDER)))["state"] == "done"
        await main(client, house)

    _run(directory, run)


def _own(directory: Path, main: Main) -> None:
    """With one on a machine that somebody had."""
    take_own_machine(Profile(directory), DOMAIN, ("203.0.113.7",), None, quiet)
    _run(directory, main)


def test_what_differs_is_told_and_made_as_it_should_be(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def drift(relay: StandardRelay) -> Difference:
        return Difference(stopped=("caddy",))

    monkeypatch.setattr(StandardRelay, "drift", drift)

    async def main(client: httpx.AsyncClient, house: House) -> None:
        looked = await end_of(client, await client.post("/relay/drift"))
        assert len(looked["result"]["differences"]) == 1 and "caddy" in looked["result"]["differences"][0]
        assert world.applied == []
        healed = await end_of(client, await client.post("/relay/apply"))
        assert healed["state"] == "done" and world.applied == [("relay-admin",)]

    _own(tmp_path, main)


def test_port_22_is_opened_and_shut_at_the_provider_and_on_the_machine(world: World, tmp_path: Path) -> None:
    async def main(client: httpx.AsyncClient, house: House) -> None:
        without = await client.post("/relay/ssh", json={"open": False})
        assert (without.status_code, without.json()["code"]) == (400, "bad-argument")
        for wanted in (True, False):
            body = {"open": wanted, "credentials": CREDENTIALS}
            done = await end_of(client, await client.post("/relay/ssh", json=body))
            assert done["state"] == "done" and world.ssh_open is wanted
            assert (await client.get("/relay")).json()["ssh_open"] is wanted
            assert CREDENTIALS["token"] not in str(done)

    _made(tmp_path, main)


def test_port_22_of_a_machine_of_ones_own_needs_no_credentials(world: World, tmp_path: Path) -> None:
    async def main(client: httpx.AsyncClient, house: House) -> None:
        for wanted in (True, False):
            done = await end_of(client, await client.post("/relay/ssh", json={"open": wanted}))
            assert done["state"] == "done" and world.ssh_open is wanted
            assert load_config(house.profile.config).relay.ssh_open is wanted

    _own(tmp_path, main)


def test_what_will_be_removed_is_shown_and_then_removed(world: World, tmp_path: Path) -> None:
    async def main(client: httpx.AsyncClient, house: House) -> None:
        there = world.bench.there()
        body = {"credentials": CREDENTIALS}
        look = (await client.post("/relay/destroy/look", json=body)).json()
        assert look["has_machine"] and len(look["resources"]) == len(there) and DOMAIN in look["words"]
        wrong = await client.post("/relay/destroy", json={**body, "domain": "other.example.org"})
        assert (wrong.status_code, wrong.json()["code"]) == (400, "bad-argument")
        assert (await client.post("/relay/destroy", json={"domain": DOMAIN})).status_code == 400
        assert world.bench.there() == there
        done = await end_of(client, await client.post("/relay/destroy", json={**body, "domain": DOMAIN}))
        assert done["state"] == "done" and world.bench.there() == []
        after = (await client.get("/relay")).json()
        assert (after["kind"], after["begun"]) == ("standard", None)
        assert (await client.post("/relay/destroy/look", json=body)).json()["code"] == "not-set-up"

    _made(tmp_path, main)


def test_a_machine_whose_certificates_cannot_be_saved_is_removed_when_told_so(
    world: World, tmp_path: Path
) -> None:
    async def main(client: httpx.AsyncClient, house: House) -> None:
        world.saved = Unreachable("relay-unreachable", "no way there")
        body: dict[str, Any] = {"credentials": CREDENTIALS, "domain": DOMAIN}
        failed = await end_of(client, await client.post("/relay/destroy", json=body))
        assert failed["error"]["code"] == "relay-unreachable" and world.bench.there() != []
        body["without_certificates"] = True
        assert (await end_of(client, await client.post("/relay/destroy", json=body)))["state"] == "done"
        assert world.bench.there() == []

    _made(tmp_path, main)


def test_a_machine_of_ones_own_is_forgotten(world: World, tmp_path: Path) -> None:
    async def main(client: httpx.AsyncClient, house: House) -> None:
        look = (await client.post("/relay/destroy/look", json={})).json()
        assert look["provider"] == "manual" and "you remove yourself" in look["words"]
        done = await end_of(client, await client.post("/relay/destroy", json={"domain": DOMAIN}))
        assert done["state"] == "done" and begun(house.profile) is None

    _own(tmp_path, main)


def test_a_server_on_this_computer_is_made_enrolled_and_served(world: World, tmp_path: Path) -> None:
    async def main(client: httpx.AsyncClient, house: House) -> None:
        relay = house.profile
        bad = await client.post("/relay/own-server", json={"server": "Not One"})
        assert (bad.status_code, bad.json()["code"]) == (400, "bad-argument")
        beside = await end_of(
            client, await client.post("/relay/own-server", json={"server": "mill", "use": False})
        )
        assert beside["state"] == "done" and house.profile == relay
        doors = _Doors()
        house.doors = doors
        done = await end_of(client, await client.post("/relay/own-server", json={"server": "plant"}))
        assert doors.followed == 1  # commands find this process at the server's identity
        assert done["state"] == "done" and done["result"]["switched"] is True
        assert [record.server_id for record in TenantBook(relay).all()] == ["mill", "plant"]
        assert load_config(house.profile.config).server_id == "plant"
        assert (await client.get("/role")).json()["mode"] == "server"

    _own(tmp_path, main)


class _Doors:
    followed = 0

    def follow_identity(self) -> None:
        self.followed += 1


@pytest.mark.parametrize("kind", ["server", "embedded"])
def test_what_is_no_relay_on_a_machine_has_none_of_it(world: World, tmp_path: Path, kind: str) -> None:
    if kind == "server":
        make_server_identity(Profile(tmp_path), "plant")
    else:
        make_relay_identity(Profile(tmp_path), "relay.test", listen="127.0.0.1:8443")

    async def main(client: httpx.AsyncClient, house: House) -> None:
        for path, body in (
            ("/relay/drift", None),
            ("/relay/apply", None),
            ("/relay/ssh", {"open": True}),
            ("/relay/destroy/look", {}),
            ("/relay/destroy", {"domain": DOMAIN}),
            ("/relay/own-server", {"server": "plant"}),
        ):
            answer = await client.post(path, json=body)
            assert (answer.status_code, answer.json()["code"]) == (409, "wrong-role"), path

    _run(tmp_path, main)
