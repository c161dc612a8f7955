"""A timer that follows a deadline: it rings at the last one that was set, once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from tests.kit.clock import run
from tunnel_whisperer.net.alarm import Alarm


def _rings(script: Callable[[Alarm, float], None], wait_s: float = 100) -> list[float]:
    """When it rang, in seconds after ``script(alarm, now)``."""
    rung: list[float] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        start = loop.time()
        alarm = Alarm(lambda: rung.append(loop.time() - start))
        script(alarm, start)
        await asyncio.sleep(wait_s)

    run(main())
    return rung


def test_it_rings_once_at_its_deadline() -> None:
    assert _rings(lambda alarm, now: alarm.set(now + 5)) == [5]


@pytest.mark.parametrize("other", [2.0, 9.0])
def test_a_new_deadline_replaces_the_one_before(other: float) -> None:
    def script(alarm: Alarm, now: float) -> None:
        alarm.set(now + 5)
        alarm.set(now + other)

    assert _rings(script) == [other]


def test_without_a_deadline_it_is_silent() -> None:
    def script(alarm: Alarm, now: float) -> None:
        alarm.set(None)
        alarm.set(now + 5)
        alarm.set(None)

    assert _rings(script) == []


def test_a_deadline_that_hardly_moved_is_the_same_one() -> None:
    def script(alarm: Alarm, now: float) -> None:
        alarm.set(now + 5)
        alarm.set(now + 5.0005)

    assert _rings(script) == [5]


def test_a_deadline_that_has_passed_rings_from_the_loop_and_not_from_inside() -> None:
    rung: list[str] = []

    async def main() -> None:
        alarm = Alarm(lambda: rung.append("rung"))
        alarm.set(asyncio.get_running_loop().time() - 1)
        rung.append("set")
        await asyncio.sleep(0.1)

    run(main())
    assert rung == ["set", "rung"]


def test_it_can_be_set_again_while_it_rings() -> None:
    rung: list[float] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        start = loop.time()

        def ring() -> None:
            rung.append(loop.time() - start)
            alarm.set(loop.time() + 5 if len(rung) < 3 else None)

        alarm = Alarm(ring)
        alarm.set(start + 5)
        await asyncio.sleep(100)

    run(main())
    assert rung == [5, 10, 15]
