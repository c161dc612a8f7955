"""Streams that end when the process does."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar

__all__ = ["until_closing"]

T = TypeVar("T")


async def until_closing(closing: asyncio.Event, next_one: Callable[[], Awaitable[T]]) -> AsyncIterator[T]:
    """What ``next_one`` gives, again and again, until ``closing`` is set."""
    loop = asyncio.get_running_loop()
    end = loop.create_task(closing.wait(), name="stream/closing")
    try:
        while not closing.is_set():
            one = loop.create_task(_of(next_one()), name="stream/next")
            try:
                await asyncio.wait((one, end), return_when=asyncio.FIRST_COMPLETED)
                if not one.done():
                    return
                yield one.result()
            finally:
                if not one.done():
                    one.cancel()
                    with contextlib.suppress(asyncio.CancelledError):
                        await one
    finally:
        end.cancel()


async def _of(waiting: Awaitable[T]) -> T:
    return await waiting
