"""A relay's servers through the API."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.kit.clock import real_run
from tests.kit.house import PlayedRole, open_house
from tunnel_whisperer.api.house import House
from tunnel_whisperer.base.counters import Counters, Traffic
from tunnel_whisperer.base.errors import Unreachable
from tunnel_whisperer.daemon.standard_relay import StandardRelay
from tunnel_whisperer.profile import Profile
from tunnel_whisperer.provision.standard import Difference
from tunnel_whisperer.tenancy import (
    JoinResponse,
    make_join_request,
    make_relay_identity,
    make_server_identity,
    make_standard_relay_identity,
)


class PlayedRelay(PlayedRole):
    """A relay with one server that is there."""

    def __init__(self) -> None:
        super().__init__({"role": "relay", "health": [], "config": {"changed": [], "error": None}})
        self.value["tenants"] = [
            {"server": "plant", "port": 20000, "online": True, "since": 1798135200, "streams": 3}
        ]

    def counters(self) -> Any:
        return Counters("relay", traffic=(Traffic(tenant="plant", up=10, down=400),))


def _request(tmp_path: Path, name: str = "plant") -> str:
    profile = Profile(tmp_path / name)
    make_server_identity(profile, name)
    return make_join_request(profile, "relay.test").to_text()


def _at_relay(tmp_path: Path, main: Callable[[httpx.AsyncClient, House], Any]) -> None:
    make_relay_identity(Profile(tmp_path / "relay"), "relay.test", listen="127.0.0.1:8443")

    async def run() -> None:
        async with open_house(tmp_path / "relay", PlayedRelay()) as (house, client):
            await main(client, house)

    real_run(run())


def test_a_server_is_enrolled_seen_and_removed(tmp_path: Path) -> None:
    text = _request(tmp_path)

    async def main(client: httpx.AsyncClient, house: House) -> None:
        assert (await client.get("/servers")).json() == {
            "kind": "embedded", "servers": [], "invitations": [], "enrolled": 0, "known": True, "asked_at": None
        }  # fmt: skip
        made = await client.post("/servers", json={"request": text})
        assert made.status_code == 201 and made.json()["job"] is None
        response = JoinResponse.parse(made.json()["response"])
        assert (response.server_id, response.relay_port) == ("plant", 8443)
        again = await client.get("/servers/plant/response")
        assert again.json()["response"] == made.json()["response"]
        other = await client.get("/servers/plant/response", params={"port": 443})
        assert JoinResponse.parse(other.json()["response"]).relay_port == 443
        row = (await client.get("/servers/plant")).json()
        assert row["enrolled"] and {**row, "enrolled": ""} == {
            "server": "plant", "port": 20000, "enrolled": "", "online": True, "since": "2026-12-24T18:00:00+00:00",
            "streams": 3, "up": 10, "down": 400,
        }  # fmt: skip
        assert (await client.delete("/servers/plant")).json() == {"removed": "server plant", "job": None}
        for gone in (await client.delete("/servers/plant"), await client.get("/servers/plant")):
            assert (gone.status_code, gone.json()["code"]) == (404, "no-such-name")

    _at_relay(tmp_path, main)


def test_what_is_no_request_is_refused(tmp_path: Path) -> None:
    async def main(client: httpx.AsyncClient, house: House) -> None:
        bad = await client.post("/servers", json={"request": "{}"})
        assert (bad.status_code, bad.json()["code"]) == (400, "bad-join-file")
        long = await client.post("/servers", json={"request": "x" * 70_000})
        assert long.status_code == 422

    _at_relay(tmp_path, main)


def test_a_part_of_the_id_finds_servers_and_invitations(tmp_path: Path) -> None:
    texts = [_request(tmp_path, name) for name in ("plant-1", "plant-2", "mill")]

    async def main(client: httpx.AsyncClient, house: House) -> None:
        for text in texts:
            await client.post("/servers", json={"request": text})
        await client.post("/servers/invitations", json={"name": "plant-9"})
        found = (await client.get("/servers", params={"q": " PLANT"})).json()
        assert [row["server"] for row in found["servers"]] == ["plant-1", "plant-2"]
        assert [row["name"] for row in found["invitations"]] == ["plant-9"] and found["enrolled"] == 3
        assert (await client.get("/servers", params={"q": "x" * 65})).status_code == 422

    _at_relay(tmp_path, main)


def test_an_invitation_is_shown_once_and_withdrawn(tmp_path: Path) -> None:
    async def main(client: httpx.AsyncClient, house: House) -> None:
        made = (await client.post("/servers/invitations", json={"name": "lab", "hours": 1})).json()
        assert made["token"].startswith("tw-join-") and made["name"] == "lab"
        listed = await client.get("/servers")
        assert listed.json()["invitations"] == [{"name": "lab", "until": made["until"]}]
        assert made["token"] not in listed.text
        gone = await client.delete("/servers/invitations/lab")
        assert gone.json()["removed"] == "the invitation lab"
        again = await client.delete("/servers/invitations/lab")
        assert again.status_code == 404
        for wrong in ({"hours": 0}, {"hours": 10_000}, {"name": "x" * 40}, {"port": 0}):
            assert (await client.post("/servers/invitations", json=wrong)).status_code == 422
        bad = await client.post("/servers/invitations", json={"name": "Not One"})
        assert (bad.status_code, bad.json()["code"]) == (400, "bad-argument")

    _at_relay(tmp_path, main)


def test_it_is_a_relays_business(tmp_path: Path) -> None:
    make_server_identity(Profile(tmp_path), "plant")

    async def main() -> None:
        async with open_house(tmp_path) as (_, client):
            for answer in (
                await client.get("/servers"),
                await client.post("/servers", json={"request": "{}"}),
                await client.post("/servers/invitations", json={}),
                await client.post("/servers/ask"),
                await client.delete("/servers/plant"),
            ):
                assert (answer.status_code, answer.json()["code"]) == (409, "wrong-role")

    real_run(main())


def test_without_an_identity_there_is_nothing(tmp_path: Path) -> None:
    async def main() -> None:
        async with open_house(tmp_path) as (_, client):
            answer = await client.get("/servers")
            assert (answer.status_code, answer.json()["code"]) == (409, "not-set-up")

    real_run(main())


class Machine:
    """In the place of a standard relay's machine."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.has: list[str] = []
        self.reachable = True
        self.go_on = asyncio.Event()
        self.go_on.set()

        async def apply(relay: StandardRelay, on_step: Callable[[str], None]) -> Difference:
            on_step("reloading Caddy")
            await self.go_on.wait()
            if not self.reachable:
                raise Unreachable("relay-unreachable", "no way there")
            self.has = [tenant.server_id for tenant in relay.site().tenants]
            return Difference(stopped=("something",))

        async def listening(relay: StandardRelay) -> frozenset[int]:
            return frozenset({20000})

        monkeypatch.setattr(StandardRelay, "apply", apply)
        monkeypatch.setattr(StandardRelay, "listening", listening)


async def _end_of(client: httpx.AsyncClient, job: dict[str, Any]) -> dict[str, Any]:
    async with asyncio.timeout(5):
        while job["state"] == "running":
            await asyncio.sleep(0.01)
            job = (await client.get(f"/jobs/{job['id']}")).json()
    return job


def test_a_change_is_brought_to_a_relay_on_a_machine_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_standard_relay_identity(Profile(tmp_path / "relay"), "relay.test")
    text, other = _request(tmp_path), _request(tmp_path, "mill")

    async def main() -> None:
        machine = Machine(monkeypatch)
        async with open_house(tmp_path / "relay") as (_, client):
            machine.go_on.clear()
            made = (await client.post("/servers", json={"request": text})).json()
            busy = await client.post("/servers", json={"request": other})
            assert (busy.status_code, busy.json()["code"]) == (409, "already-running")
            machine.go_on.set()
            done = await _end_of(client, made["job"])
            assert done["state"] == "done" and machine.has == ["plant", "relay-admin"]
            assert done["steps"][-1]["words"] == "changed"
            listed = (await client.get("/servers")).json()
            assert listed["enrolled"] == 1, "what was refused is not enrolled"
            assert not listed["known"] and listed["servers"][0]["online"] is None

            asked = await _end_of(client, (await client.post("/servers/ask")).json())
            assert asked["steps"][-1]["words"] == "1 of 1 servers are connected"
            listed = (await client.get("/servers")).json()
            assert listed["known"] and listed["asked_at"] and listed["servers"][0]["online"] is True

            machine.reachable = False
            gone = (await client.delete("/servers/plant")).json()
            failed = await _end_of(client, gone["job"])
            assert failed["error"]["code"] == "relay-unreachable" and machine.has == ["plant", "relay-admin"]
            refused = await client.post("/servers/invitations", json={})
            assert (refused.status_code, refused.json()["code"]) == (409, "wrong-role")

    real_run(main())
