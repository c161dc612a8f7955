"""Streams that end when the process does."""

from __future__ import annotations

import asyncio

import pytest

from tests.kit.clock import run
from tunnel_whisperer.api.streams import until_closing


def test_it_ends_at_once_and_leaves_nothing_behind() -> None:
    async def main() -> None:
        closing = asyncio.Event()
        numbers = iter(range(100))
        cancelled: list[bool] = []

        async def next_one() -> int:
            number = next(numbers)
            if number == 3:
                try:
                    await asyncio.Event().wait()
                except asyncio.CancelledError:
                    cancelled.append(True)
                    raise
            return number

        asyncio.get_running_loop().call_later(5, closing.set)
        assert [number async for number in until_closing(closing, next_one)] == [0, 1, 2]
        assert cancelled == [True]
        assert [number async for number in until_closing(closing, next_one)] == []

    run(main())


def test_a_failure_is_the_readers() -> None:
    async def main() -> None:
        async def fails() -> int:
            raise ValueError("no")

        with pytest.raises(ValueError, match="no"):
            async for _ in until_closing(asyncio.Event(), fails):
                pass

    run(main())
