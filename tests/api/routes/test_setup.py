"""How a machine gets its role, through the API."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import httpx

from tests.kit.clock import real_run
from tests.kit.house import PlayedRole, open_house
from tests.kit.identities import client_in
from tests.kit.world import World
from tunnel_whisperer.profile import Profile, load_config
from tunnel_whisperer.tenancy import JoinRequest, enroll_server, invite_server, make_relay_identity


async def _refused(answer: httpx.Response, status: int, code: str) -> str:
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (status, code), problem
    return f"{problem['detail']} {problem['hint']}"


def test_a_server_asks_and_takes_the_response(tmp_path: Path) -> None:
    relay = Profile(tmp_path / "relay")
    make_relay_identity(relay, "relay.test")

    async def main() -> None:
        async with open_house(tmp_path / "new", PlayedRole()) as (house, client):
            empty = (await client.get("/setup")).json()
            assert (empty["stage"], empty["mode"]) == ("empty", None) and empty["server"]
            await _refused(await client.get("/join/request"), 404, "no-such-name")
            await _refused(await client.post("/join/request", json={"relay": "a b"}), 400, "bad-argument")
            made = await client.post("/join/request", json={"relay": "relay.test", "server": "plant"})
            assert made.status_code == 201
            request = made.json()
            assert request["file_name"] == "plant-request.json" and request["relay"] == "relay.test"
            assert (await client.get("/join/request")).json() == request
            asked = (await client.get("/setup")).json()
            assert asked == {"stage": "asked", "mode": "server", "server": "plant", "relay": "relay.test"}
            await _refused(await client.post("/join/response", json={"response": "{}"}), 400, "bad-join-file")
            response = enroll_server(relay, JoinRequest.parse(request["request"]))
            done = await client.post("/join/response", json={"response": response.to_text()})
            assert done.json() == {"server": "plant", "relay": "relay.test"}
            assert (await client.get("/setup")).json()["stage"] == "done"
            async with asyncio.timeout(5):
                while house.supervisor.status.state != "running":
                    await asyncio.sleep(0.01)
            await _refused(await client.get("/join/request"), 404, "no-such-name")

    real_run(main())


def test_a_server_without_a_request_has_begun(tmp_path: Path) -> None:
    async def main() -> None:
        async with open_house(tmp_path / "new", PlayedRole()) as (house, client):
            await client.post("/join/request", json={"relay": "relay.test", "server": "plant"})
            (house.profile.run / "join-request.json").unlink()
            begun = (await client.get("/setup")).json()
            assert begun == {"stage": "begun", "mode": "server", "server": "plant", "relay": ""}

    real_run(main())


async def _ended(client: httpx.AsyncClient, begun: httpx.Response) -> dict[str, Any]:
    assert begun.status_code == 202, begun.text
    async with asyncio.timeout(20):
        while True:
            job: dict[str, Any] = (await client.get(f"/jobs/{begun.json()['id']}")).json()
            if job["state"] != "running":
                return job
            await asyncio.sleep(0.02)


def test_an_invitation_makes_a_server(tmp_path: Path) -> None:
    async def main() -> None:
        async with World(tmp_path) as world:
            token = invite_server(
                world.relay_profile, "lab", expires=time.time() + 60, relay_port=world.address.port
            )
            assert world.relay is not None
            world.relay.refresh()
            async with open_house(tmp_path / "guest", PlayedRole()) as (house, client):
                begun = await client.post("/join/invitation", json={"token": f" {token.to_text()}\n"})
                assert token.to_text() not in begun.text
                job = await _ended(client, begun)
                assert job["state"] == "done", job
                assert job["result"] == {"role": "server", "server": "lab", "relay": "localhost"}
                assert token.to_text() not in str(job)
                assert load_config(house.profile.config).server_id == "lab"
                again = await _ended(
                    client, await client.post("/join/invitation", json={"token": token.to_text()})
                )
                assert again["state"] in ("done", "failed")

    real_run(main())


def test_what_is_no_invitation_is_refused_at_once(tmp_path: Path) -> None:
    async def main() -> None:
        async with open_house(tmp_path) as (_, client):
            for text, words in (
                ("hello", "tw-join- or tw-connect-"),
                ("tw-join-AAAA", "missing or changed"),
                ("tw-connect-AAAA", "missing or changed"),
            ):
                answer = await client.post("/join/invitation", json={"token": text})
                assert words in await _refused(answer, 400, "bad-token")
            assert (await client.post("/join/invitation", json={"token": ""})).status_code == 422
            assert (await client.get("/jobs")).json() == {"jobs": []}

    real_run(main())


def test_a_relay_here(tmp_path: Path) -> None:
    async def main() -> None:
        role = PlayedRole()
        async with open_house(tmp_path / "new", role) as (house, client):
            await _refused(await client.post("/relay/embedded", json={}), 409, "not-set-up")
            wish = {"domain": "relay.test", "listen": "127.0.0.1:8443"}
            made = await client.post("/relay/embedded", json=wish)
            assert made.status_code == 201
            assert made.json() == {
                "domain": "relay.test",
                "listen": "127.0.0.1:8443",
                "own_ca": True,
                "behind_proxy": False,
            }
            assert (await client.get("/setup")).json()["stage"] == "done"
            async with asyncio.timeout(5):
                while not role.starts:
                    await asyncio.sleep(0.01)
            missing = await client.post("/relay/embedded", json={"cert": "/no/where.pem", "key": "/no/k.pem"})
            assert missing.status_code == 400
            assert load_config(house.profile.config).relay.cert == ""

    real_run(main())


def test_who_is_something_else_stays_it(tmp_path: Path) -> None:
    client_in(tmp_path / "client", tmp_path)

    async def main() -> None:
        async with open_house(tmp_path / "client", PlayedRole()) as (_, client):
            for path, body in (
                ("/join/request", {"relay": "relay.test"}),
                ("/relay/embedded", {"domain": "relay.test"}),
            ):
                await _refused(await client.post(path, json=body), 409, "wrong-role")

    real_run(main())
