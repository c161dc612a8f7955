"""Long work through the API."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.kit.clock import real_run
from tests.kit.house import open_house
from tunnel_whisperer.daemon.jobs import Tell


def test_a_job_is_looked_at_and_cancelled(tmp_path: Path) -> None:
    async def main() -> None:
        async with open_house(tmp_path) as (house, client):

            async def work(tell: Tell) -> None:
                tell("dns", "waiting", "waiting for the name", "set the record")
                await asyncio.Event().wait()

            job = house.supervisor.jobs.start("make", "making a relay", work)
            await asyncio.sleep(0)
            shown = (await client.get(f"/jobs/{job.id}")).json()
            assert shown["state"] == "running" and shown["steps"][0]["hint"] == "set the record"
            listed = (await client.get("/jobs")).json()
            assert [each["id"] for each in listed["jobs"]] == [job.id]
            assert (await client.post(f"/jobs/{job.id}/cancel")).status_code == 202
            await asyncio.sleep(0.01)
            assert (await client.get(f"/jobs/{job.id}")).json()["state"] == "cancelled"

    real_run(main())
