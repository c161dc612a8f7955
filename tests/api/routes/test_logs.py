"""The log through the API."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

from tests.kit.clock import real_run
from tests.kit.house import open_house
from tunnel_whisperer.api.routes.logs import follow_log
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


def test_lines_are_followed(tmp_path: Path) -> None:
    async def main() -> None:
        async with open_house(tmp_path) as (house, _):
            set_level("info")
            stream = follow_log(house, "warning", "needle")
            assert (await anext(stream)).event == "ready"
            logging.getLogger("tw.test").warning("hay")
            logging.getLogger("tw.test").warning("a needle")
            async with asyncio.timeout(5):
                event = await anext(stream)
            assert event.event == "line" and event.data["text"] == "a needle"
            house.closing.set()
            assert [event async for event in stream] == []

    real_run(main())
