"""A client's local ports through the API."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.kit.clock import real_run
from tests.kit.house import PlayedRole, open_house
from tests.kit.identities import client_in, client_snapshot, relay_in
from tunnel_whisperer.api.house import House
from tunnel_whisperer.profile import load_config


@asynccontextmanager
async def _client(tmp_path: Path, **more: object) -> AsyncIterator[tuple[House, httpx.AsyncClient]]:
    client_in(tmp_path / "client", tmp_path)
    async with open_house(tmp_path / "client", PlayedRole(client_snapshot(**more))) as opened:
        yield opened


def test_ports_and_who_uses_them(tmp_path: Path) -> None:
    async def main() -> None:
        async with _client(tmp_path) as (_, client):
            shown = (await client.get("/ports")).json()
            assert shown["listen_address"] == "127.0.0.1" and shown["warning"] == ""
            assert shown["changed"] is False
            first, second = shown["ports"]
            assert first == {
                "given": 5432,
                "local": 5432,
                "target": "127.0.0.1:5432",
                "address": "127.0.0.1:5432",
                "open": 2,
                "opened": 17,
                "error": None,
            }
            assert (second["given"], second["target"]) == (10502, "plc-7:502")

    real_run(main())


def test_a_client_that_does_not_run_has_no_open_port(tmp_path: Path) -> None:
    async def main() -> None:
        async with _client(tmp_path) as (_, client):
            await client.post("/role/stop")
            async with asyncio.timeout(5):
                while (await client.get("/role")).json()["state"] != "stopped":
                    await asyncio.sleep(0.01)
            shown = (await client.get("/ports")).json()
            assert [(port["address"], port["open"]) for port in shown["ports"]] == [(None, 0), (None, 0)]

    real_run(main())


def test_another_number_and_another_interface(tmp_path: Path) -> None:
    async def main() -> None:
        async with _client(tmp_path, config={"changed": ["client.port_overrides"]}) as (house, client):
            done = (await client.put("/ports/5432", json={"local": 15432})).json()
            assert done == {"changed": ["client.port_overrides"], "restart": True, "warning": ""}
            shown = (await client.get("/ports")).json()
            # It is open under its old number until the role is started again.
            assert (shown["ports"][0]["local"], shown["ports"][0]["address"]) == (15432, "127.0.0.1:5432")
            assert shown["changed"] is True
            done = (await client.put("/ports/listen-address", json={"address": "0.0.0.0"})).json()
            assert "whoever reaches 0.0.0.0" in done["warning"]
            assert load_config(house.profile.config).client.listen_address == "0.0.0.0"
            for path, body, status, code in (
                ("/ports/80", {"local": 81}, 404, "no-such-name"),
                ("/ports/5432", {"local": 10502}, 409, "exists"),
                ("/ports/5432", {"local": 0}, 422, "bad-argument"),
                ("/ports/70000", {"local": 81}, 422, "bad-argument"),
                ("/ports/listen-address", {"address": "my house"}, 400, "bad-argument"),
            ):
                answer = await client.put(path, json=body)
                assert (answer.status_code, answer.json()["code"]) == (status, code), path

    real_run(main())


async def _tested(client: httpx.AsyncClient, port: int) -> dict[str, Any]:
    begun = await client.post(f"/ports/{port}/test")
    assert begun.status_code == 202
    async with asyncio.timeout(10):
        while True:
            job: dict[str, Any] = (await client.get(f"/jobs/{begun.json()['id']}")).json()
            if job["state"] != "running":
                return job
            await asyncio.sleep(0.01)


def test_a_port_is_tried(tmp_path: Path) -> None:
    async def main() -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
            row = {
                "address": f"127.0.0.1:{port}",
                "target": "127.0.0.1:5432",
                "open": 0,
                "opened": 0,
                "error": None,
            }
            session = {"state": "trying"}
            async with _client(tmp_path, ports=[row], session=session) as (_, client):
                job = await _tested(client, port)
                assert job["kind"] == f"test-port-{port}"
                assert job["state"] == "failed" and job["error"]["code"] == "server-not-there"
                assert [step["state"] for step in job["steps"]][-1] == "failed"
                job = await _tested(client, 9)
                assert job["error"]["code"] == "no-such-name" and str(port) in job["error"]["hint"]

    real_run(main())


def test_other_roles_have_no_ports(tmp_path: Path) -> None:
    relay_in(tmp_path)

    async def main() -> None:
        async with open_house(tmp_path) as (_, client):
            for answer in (
                await client.get("/ports"),
                await client.put("/ports/5432", json={"local": 15432}),
                await client.post("/ports/5432/test"),
            ):
                assert (answer.status_code, answer.json()["code"]) == (409, "wrong-role")

    real_run(main())
