"""Changes as server-sent events."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import Any

from tests.kit.clock import real_run
from tests.kit.house import open_house
from tunnel_whisperer.api.routes.events import pause_s, watch_changes
from tunnel_whisperer.daemon.changes import Topic


def test_what_changed_is_told_by_name_until_the_process_ends(tmp_path: Path) -> None:
    async def main() -> None:
        async with open_house(tmp_path) as (house, _):
            stream = watch_changes(house, [Topic.JOBS, Topic.USERS])
            seen: list[Any] = [(await anext(stream)).event]
            house.supervisor.changes.mark(Topic.STATUS)
            house.supervisor.changes.mark(Topic.USERS, Topic.JOBS)
            async with asyncio.timeout(5):
                seen += [(await anext(stream)).event for _ in range(2)]
            assert seen == ["ready", "jobs", "users"]
            house.closing.set()
            assert [event async for event in stream] == []
            assert not len(house.supervisor.changes)

    real_run(main())


def test_nothing_is_passed_over_between_a_page_and_its_stream_nor_when_that_breaks(tmp_path: Path) -> None:
    async def main() -> None:
        async with open_house(tmp_path) as (house, _):
            changes = house.supervisor.changes
            read = changes.last
            changes.mark(Topic.JOBS)
            for stream in (
                watch_changes(house, [Topic.JOBS], read),
                watch_changes(house, [Topic.JOBS], 0, str(read)),
            ):
                async with asyncio.timeout(5):
                    ready, event = await anext(stream), await anext(stream)
                assert (ready.event, ready.id, event.event) == ("ready", str(read), "jobs")
                assert event.id is not None and int(event.id) > read

    real_run(main())


def test_many_pages_share_what_one_may_take() -> None:
    assert [pause_s(watching) for watching in (1, 2)] == [0.25, 0.25]
    loads_a_second = [watching / pause_s(watching) for watching in (2, 3, 10, 50, 200)]
    assert max(loads_a_second) < 13


def test_a_page_of_many_ends_at_once_with_the_process(tmp_path: Path) -> None:
    async def main() -> None:
        async with open_house(tmp_path) as (house, _):
            changes = house.supervisor.changes
            with contextlib.ExitStack() as others:
                for _ in range(150):
                    others.enter_context(changes.watch())
                stream = watch_changes(house, [Topic.JOBS], 0, "0")
                changes.mark(Topic.JOBS)
                assert (await anext(stream)).event == "ready"
                house.closing.set()
                async with asyncio.timeout(5):  # its pause is up to twelve seconds, twice
                    await anext(stream, None)
                    assert [event async for event in stream] == []

    real_run(main())
