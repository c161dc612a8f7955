"""The log through the API."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

from tests.kit.clock import real_run
from tests.kit.house import open_house
from tunnel_whisperer.api.routes.logs import follow_log
from tunnel_whisperer.base.limits import LOG_RING_LINES
from tunnel_whisperer.base.log import set_level


def test_lines_are_read_filtered_and_gone_on_with(tmp_path: Path) -> None:
    async def main() -> None:
        async with open_house(tmp_path) as (_, client):
            assert (await client.put("/logs/level", json={"level": "debug"})).json() == {"level": "debug"}
            log = logging.getLogger("tw.test")
            log.info("first")
            log.warning("<b>second</b>\nline password=hunter2secret")
            page = (await client.get("/logs", params={"level": "warning"})).json()
            assert [line["level"] for line in page["lines"]] == ["warning"] and page["level"] == "debug"
            assert "\n" not in page["lines"][0]["text"]
            log.error("third")
            more = (await client.get("/logs", params={"after": page["last"], "contains": "THIRD"})).json()
            assert [line["text"] for line in more["lines"]] == ["third"]
            assert (await client.put("/logs/level", json={"level": "loud"})).status_code == 422

    real_run(main())


def test_all_that_is_kept_is_given_as_text(tmp_path: Path) -> None:
    async def main() -> None:
        async with open_house(tmp_path) as (_, client):
            set_level("info")
            for number in range(2500):
                logging.getLogger("tw.test").info("number %d end", number)
            logging.getLogger("tw.test").warning("hay")
            answer = await client.get("/logs/text", params={"contains": " end"})
            assert answer.headers["content-type"] == "text/plain; charset=utf-8"
            lines = answer.text.splitlines()
            assert len(lines) == 2500
            assert [lines[0].split(" ", 2)[2], lines[-1].split(" ", 2)[2]] == [
                "info    tw.test: number 0 end",
                "info    tw.test: number 2499 end",
            ]

    real_run(main())


def test_lines_are_followed_many_in_one_event(tmp_path: Path) -> None:
    async def main() -> None:
        async with open_house(tmp_path) as (house, _):
            set_level("info")
            stream = follow_log(house, "warning", "needle")
            assert (await anext(stream)).event == "ready"
            log = logging.getLogger("tw.test")
            log.warning("hay")
            for number in range(300):
                log.warning("needle %d", number)
            async with asyncio.timeout(5):
                event = await anext(stream)
            assert event.event == "lines" and isinstance(event.data, list)
            texts = [line["text"] for line in event.data]
            assert texts == [f"needle {number}" for number in range(300)]
            assert event.id == str(event.data[-1]["number"])
            house.closing.set()
            assert [event async for event in stream] == []

    real_run(main())


def test_an_interrupted_stream_goes_on_and_tells_what_it_missed(tmp_path: Path) -> None:
    async def main() -> None:
        async with open_house(tmp_path) as (house, _):
            set_level("info")
            log = logging.getLogger("tw.test")
            log.info("seen")
            seen = house.log.page().last
            log.info("not seen")
            for again in (
                follow_log(house, after=seen),
                follow_log(house, after=0, last_event_id=str(seen)),
            ):
                await anext(again)
                async with asyncio.timeout(5):
                    event = await anext(again)
                assert [line["text"] for line in event.data] == ["not seen"]
            for _ in range(LOG_RING_LINES):
                log.info("a flood")
            late = follow_log(house, after=seen)
            await anext(late)
            async with asyncio.timeout(5):
                event = await anext(late)
            assert (event.event, event.raw_data) == ("missed", "1")

    real_run(main())
