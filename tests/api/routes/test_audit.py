"""The audit record through the API."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.kit.clock import real_run
from tests.kit.house import open_house
from tunnel_whisperer.audit import Chain
from tunnel_whisperer.audit.record import Note
from tunnel_whisperer.profile import Config, Profile, save_config
from tunnel_whisperer.tenancy import make_server_identity

T0 = 1_798_135_200.0


def write_logins(profile: Profile, count: int) -> None:
    """Even ones of alice, odd ones of bob."""
    notes = [
        Note("login", "user:bob" if number % 2 else "user:alice", T0 + number, {"n": number})
        for number in range(count)
    ]
    Chain(profile.audit).append(notes)


def _at_server(directory: Path, main: Callable[[httpx.AsyncClient], Any], count: int = 7) -> None:
    make_server_identity(Profile(directory), "plant")
    write_logins(Profile(directory), count)

    async def run() -> None:
        async with open_house(directory) as (_, client):
            await main(client)

    real_run(run())


async def _ended(client: httpx.AsyncClient, answer: httpx.Response) -> dict[str, Any]:
    assert answer.status_code == 202, answer.text
    job: dict[str, Any] = answer.json()
    async with asyncio.timeout(5):
        while job["state"] == "running":
            await asyncio.sleep(0.01)
            job = (await client.get(f"/jobs/{job['id']}")).json()
    return job


def test_records_are_read_a_page_at_a_time_and_filtered(tmp_path: Path) -> None:
    async def main(client: httpx.AsyncClient) -> None:
        first = (await client.get("/audit", params={"event": "login", "limit": 4})).json()
        second = (
            await client.get("/audit", params={"event": "login", "limit": 4, "before": first["before"]})
        ).json()
        numbers = [record["fields"]["n"] for page in (first, second) for record in page["records"]]
        assert numbers == [6, 5, 4, 3, 2, 1, 0] and second["before"] is None
        alice = (
            await client.get("/audit", params={"user": "alice", "since": "2026-12-24T18:00:03+00:00"})
        ).json()
        assert [record["fields"]["n"] for record in alice["records"]] == [6, 4]
        assert alice["records"][0]["who"] == "user:alice"

    _at_server(tmp_path, main)


@pytest.mark.parametrize(
    ("params", "status"),
    [
        ({"event": "no-such"}, 400),
        ({"since": "yesterday"}, 400),
        ({"limit": "0"}, 422),
        ({"limit": "1001"}, 422),
        ({"before": "-1"}, 422),
        ({"user": "x" * 65}, 422),
    ],
)
def test_what_cannot_be_asked_is_refused(tmp_path: Path, params: dict[str, str], status: int) -> None:
    async def main(client: httpx.AsyncClient) -> None:
        answer = await client.get("/audit", params=params)
        assert (answer.status_code, answer.json()["code"]) == (status, "bad-argument")

    _at_server(tmp_path, main, 1)


def test_the_chain_is_verified_and_a_changed_record_is_found(tmp_path: Path) -> None:
    async def main(client: httpx.AsyncClient) -> None:
        job = await _ended(client, await client.post("/audit/verify", json={}))
        last = job["result"]["last_hash"]
        assert job["state"] == "done" and "the chain holds" in job["steps"][-1]["words"]
        again = await _ended(client, await client.post("/audit/verify", json={"contains": last}))
        assert again["result"]["contains"] is True
        other = await _ended(client, await client.post("/audit/verify", json={"contains": "0" * 64}))
        assert (other["state"], other["error"]["code"]) == ("failed", "audit-broken")
        file = next(Profile(tmp_path).audit.glob("audit-*.jsonl"))
        lines = file.read_text().splitlines()
        value = json.loads(lines[2])
        lines[2] = json.dumps({**value, "who": "user:mallory"}, sort_keys=True, separators=(",", ":"))
        file.write_text("\n".join(lines) + "\n")
        bad = await _ended(client, await client.post("/audit/verify", json={}))
        assert bad["error"]["code"] == "audit-broken" and "was changed" in bad["error"]["why"]
        assert (await client.post("/audit/verify", json={"contains": "zz"})).status_code == 422

    _at_server(tmp_path, main)


def test_a_client_keeps_no_record(tmp_path: Path) -> None:
    save_config(Profile(tmp_path).config, Config(mode="client"))

    async def main() -> None:
        async with open_house(tmp_path) as (_, client):
            for answer in (await client.get("/audit"), await client.post("/audit/verify", json={})):
                assert (answer.status_code, answer.json()["code"]) == (409, "wrong-role")

    real_run(main())
