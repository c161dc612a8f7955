"""The role through the API."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx

from tests.kit.clock import real_run
from tests.kit.house import PlayedRole, open_house
from tunnel_whisperer.profile import Profile
from tunnel_whisperer.tenancy import make_relay_identity


async def _until(client: httpx.AsyncClient, state: str) -> dict[str, object]:
    async with asyncio.timeout(5):
        while True:
            shown: dict[str, object] = (await client.get("/role")).json()
            if shown["state"] == state:
                return shown
            await asyncio.sleep(0.01)


def test_start_stop_and_restart(tmp_path: Path) -> None:
    make_relay_identity(Profile(tmp_path), "relay.test", listen="127.0.0.1:8443")
    role = PlayedRole()
    role.value["config"] = {"changed": ["relay.listen"], "error": None}

    async def main() -> None:
        async with open_house(tmp_path, role) as (_, client):
            shown = await _until(client, "running")
            assert shown["mode"] == "relay" and shown["changed"] == ["relay.listen"]
            assert (await client.post("/role/stop")).status_code == 202
            await _until(client, "stopped")
            assert (await client.post("/role/start")).status_code == 202
            assert (await _until(client, "running"))["starts"] == 2
            assert (await client.post("/role/restart")).status_code == 202
            async with asyncio.timeout(5):
                while role.starts < 3:
                    await asyncio.sleep(0.01)

    real_run(main())


def test_a_machine_without_an_identity(tmp_path: Path) -> None:
    async def main() -> None:
        async with open_house(tmp_path) as (_, client):
            shown = (await client.get("/role")).json()
            assert shown["mode"] is None and shown["state"] == "empty"

    real_run(main())
