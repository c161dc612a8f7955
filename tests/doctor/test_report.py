from __future__ import annotations

import asyncio

import pytest

from tests.kit.clock import run
from tunnel_whisperer.base.errors import Unreachable
from tunnel_whisperer.doctor.report import Found, State, Step, Walk, failed


async def _after(seconds: float, found: Found[int]) -> Found[int]:
    await asyncio.sleep(seconds)
    return found


async def _lost() -> Found[int]:
    raise Unreachable("timeout", "no answer", where="relay.test", hint="ask again")


def test_a_step_is_told_when_it_is_done_with_its_time_and_its_words() -> None:
    async def main() -> None:
        told: list[Step] = []
        walk = Walk(told.append)
        assert await walk.step("dns", _after(0.25, Found(7, "found"))) == 7
        assert [(step.name, step.state, step.detail) for step in told] == [("dns", State.OK, "found")]
        assert told[0].ms == pytest.approx(250)
        assert walk.report().steps == tuple(told)

    run(main())


def test_a_note_is_what_is_good_enough_and_worth_knowing() -> None:
    async def main() -> None:
        told: list[Step] = []
        await Walk(told.append).step("http", _after(0, Found(1, "HTTP/1.1", "slower")))
        assert (told[0].state, told[0].hint) == (State.NOTE, "slower")

    run(main())


def test_the_time_of_what_had_to_come_first_does_not_count() -> None:
    async def main() -> None:
        told: list[Step] = []
        began = asyncio.get_running_loop().time() + 1
        await Walk(told.append).step("tls", _after(3, Found(1, "", began=began)))
        assert told[0].ms == pytest.approx(2000)

    run(main())


def test_a_failure_is_told_and_ends_the_walk() -> None:
    async def main() -> None:
        told: list[Step] = []
        walk = Walk(told.append)
        with pytest.raises(Unreachable):
            await walk.step("tcp", _lost())
        assert told == [
            failed("tcp", Unreachable("timeout", "no answer", where="relay.test", hint="ask again"), 0)
        ]
        assert told[0].to_json() == {
            "name": "tcp", "state": "failed", "ms": 0.0, "detail": "relay.test: no answer", "code": "timeout", "hint": "ask again",
        }  # fmt: skip

    run(main())


def test_a_skipped_step_has_no_time() -> None:
    async def main() -> None:
        walk = Walk(lambda _: None)
        walk.skip("ssh", "it runs already")
        report = walk.report()
        step = report.step("ssh")
        assert step is not None and step.to_json()["ms"] is None and step.state is State.SKIPPED
        assert report.step("nothing") is None

    run(main())
