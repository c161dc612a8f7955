from __future__ import annotations

import asyncio

import pytest

from tests.kit.clock import real_run, run


def test_time_jumps() -> None:
    async def main() -> float:
        loop = asyncio.get_running_loop()
        began = loop.time()
        await asyncio.sleep(86400 * 3)
        return loop.time() - began

    assert run(main(), timeout_s=1e6) == pytest.approx(86400 * 3)


def test_timers_fire_in_order() -> None:
    async def main() -> list[str]:
        order: list[str] = []
        loop = asyncio.get_running_loop()
        loop.call_later(2, order.append, "b")
        loop.call_later(1, order.append, "a")
        loop.call_later(3, order.append, "c")
        await asyncio.sleep(2.5)
        return order

    assert run(main()) == ["a", "b"]


def test_a_test_that_takes_too_long_fails() -> None:
    with pytest.raises(TimeoutError):
        run(asyncio.sleep(20), timeout_s=10)


def test_a_task_left_behind_fails_the_test() -> None:
    async def main() -> None:
        main.task = asyncio.ensure_future(asyncio.sleep(1000))  # type: ignore[attr-defined]

    with pytest.raises(AssertionError, match="left behind"):
        run(main())


@pytest.mark.parametrize("runner", [run, real_run])
def test_a_callback_that_raises_fails_the_test(runner: object) -> None:
    async def main() -> None:
        asyncio.get_running_loop().call_soon(lambda: 1 // 0)
        await asyncio.sleep(0.01)

    with pytest.raises(AssertionError, match="a callback failed"):
        runner(main())  # type: ignore[operator]


def test_waiting_for_nothing_is_a_deadlock() -> None:
    async def main() -> None:
        await asyncio.get_running_loop().create_future()

    with pytest.raises((RuntimeError, TimeoutError)):
        run(main())
