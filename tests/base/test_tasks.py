"""Tasks that somebody holds."""

from __future__ import annotations

import asyncio
import logging

import pytest

from tests.kit.clock import run
from tunnel_whisperer.base.tasks import TaskSet

_log = logging.getLogger("tw.test")


def test_draining_cancels_and_waits() -> None:
    async def main() -> None:
        tasks = TaskSet("test", _log)
        ended: list[str] = []

        async def work() -> None:
            try:
                await asyncio.sleep(1000)
            finally:
                await asyncio.sleep(1)
                ended.append("tidy")

        tasks.spawn(work(), "one")
        tasks.spawn(work(), "two")
        assert [task.get_name() for task in sorted(tasks, key=lambda task: task.get_name())] == [
            "test/one",
            "test/two",
        ]
        await asyncio.sleep(0)
        await tasks.drain()
        assert ended == ["tidy", "tidy"]
        assert len(tasks) == 0

    run(main())


def test_a_failure_is_logged_with_its_name(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        tasks = TaskSet("test", _log)

        async def fail() -> None:
            raise ValueError("broken")

        tasks.spawn(fail(), "failing")
        await asyncio.sleep(1)

    run(main())
    assert "test/failing failed: broken" in caplog.text
