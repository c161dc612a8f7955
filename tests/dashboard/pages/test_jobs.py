"""The pages of long work."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from tests.kit.clock import real_run
from tests.kit.house import open_house
from tests.kit.html import read_html
from tunnel_whisperer.api.gate.admission import Admission
from tunnel_whisperer.base.errors import Unreachable
from tunnel_whisperer.daemon.jobs import JobState, Tell
from tunnel_whisperer.dashboard import mount


def _from_page() -> Admission:
    return Admission(None, local=True, csrf="t", unchecked=True)


def test_work_is_followed_stopped_and_found_again(tmp_path: Path) -> None:
    async def main() -> None:
        opened = open_house(tmp_path, pages=mount, base_url="http://tw.test", admit=_from_page)
        async with opened as (house, client):
            assert "Nothing was begun" in read_html((await client.get("/jobs")).text).words

            async def endless(tell: Tell) -> None:
                tell("dns", "done", "<b>found</b>")
                tell("wait", "waiting", "for the name")
                await asyncio.Event().wait()

            async def failing(tell: Tell) -> dict[str, Any]:
                raise Unreachable("dns-failed", "no such name", hint="check the name")

            jobs = house.supervisor.jobs
            job, other = jobs.start("relay-make", "making a relay", endless), jobs.start("x", "x", failing)
            await asyncio.sleep(0.01)
            answer = await client.get(f"/jobs/{job.id}")
            assert "<b>found" not in answer.text
            page = read_html(answer.text)
            assert page.one("h1").words == "Making a relay"
            steps = [step.words for step in page.one("ol", class_="steps").all("li")]
            assert steps == ["done dns <b>found</b>", "waiting wait for the name"]
            assert page.one("section", id="job").attrs["hx-trigger"].startswith("tw:jobs from:body")
            assert len(page.all("a", href="/relay")) >= 1
            listed = read_html((await client.get("/jobs")).text)
            assert [x.words for x in listed.all("td", data_label="State")] == [
                "failed no such name",
                "running",
            ]
            failed = read_html((await client.get(f"/jobs/{other.id}")).text)
            assert "no such name" in failed.words and not failed.all(
                "form", action=f"/jobs/{other.id}/cancel"
            )
            form = page.form(f"/jobs/{job.id}/cancel")
            assert (await client.post(f"/jobs/{job.id}/cancel", data={"csrf": "x"})).status_code == 403
            assert job.state is JobState.RUNNING
            done = await client.post(f"/jobs/{job.id}/cancel", data={**form, "back": "//evil.test"})
            assert done.headers["location"] == f"/jobs/{job.id}"
            await asyncio.sleep(0.01)
            assert "cancelled" in read_html((await client.get(f"/jobs/{job.id}")).text).words
            again = await client.post(f"/jobs/{job.id}/cancel", data={**form, "back": "/tests"})
            assert again.headers["location"] == "/tests"
            assert (await client.get("/jobs/none")).status_code == 404

    real_run(main())
