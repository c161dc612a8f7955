"""Tests of the way to the relay, through the API."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.doctor.doubles import closed_port
from tests.kit.clock import real_run
from tests.kit.house import open_house
from tunnel_whisperer.profile import Profile
from tunnel_whisperer.tenancy import make_relay_identity


async def _ended(client: httpx.AsyncClient, answer: httpx.Response) -> dict[str, Any]:
    assert answer.status_code == 202, answer.text
    job: dict[str, Any] = answer.json()
    assert job["state"] == "running"
    async with asyncio.timeout(10):
        while job["state"] == "running":
            await asyncio.sleep(0.01)
            job = (await client.get(f"/jobs/{job['id']}")).json()
    return job


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)


def test_a_relay_that_does_not_answer_is_a_failed_job_with_its_step(tmp_path: Path) -> None:
    make_relay_identity(Profile(tmp_path), "relay.test", listen="127.0.0.1:1")

    async def main() -> None:
        async with open_house(tmp_path) as (_, client):
            job = await _ended(client, await client.post("/tests/relay"))
            assert (job["kind"], job["title"], job["state"]) == ("test-relay", "the relay", "failed")
            assert job["steps"][-1]["state"] == "failed" and job["steps"][-1]["hint"]
            assert job["error"]["code"] == "relay-unreachable", job["error"]
            assert job["result"]["ok"] is False

    real_run(main())


def test_the_letter_is_there_also_when_nothing_gets_through(tmp_path: Path) -> None:
    async def main() -> None:
        address = await closed_port()
        async with open_house(tmp_path) as (_, client):
            body = {"host": str(address), "silence_s": 0}
            job = await _ended(client, await client.post("/tests/network", json=body))
            assert job["state"] == "failed"
            assert f"127.0.0.1, TCP port {address.port}" in job["result"]["letter"]

    real_run(main())


def test_what_cannot_be_looked_for_is_refused_at_once(tmp_path: Path) -> None:
    async def main() -> None:
        async with open_house(tmp_path) as (house, client):
            for body, status, code in (
                ({}, 409, "not-set-up"),
                ({"host": "a b"}, 400, "bad-argument"),
                ({"host": "relay.test:99999"}, 400, "bad-argument"),
                ({"host": "relay.test", "silence_s": 3601}, 422, "bad-argument"),
                ({"host": "x" * 261}, 422, "bad-argument"),
            ):
                answer = await client.post("/tests/network", json=body)
                assert (answer.status_code, answer.json()["code"]) == (status, code), body
            assert (await client.post("/tests/relay")).json()["code"] == "not-set-up"
            assert house.supervisor.jobs.all() == []

    real_run(main())
