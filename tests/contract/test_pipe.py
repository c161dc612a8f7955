"""The in-memory pipe of the kit keeps the contract: what is tested on it holds elsewhere."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import ClassVar

from tests.contract.stream_contract import StreamContract
from tests.kit.pipe import connect
from tests.kit.recorder import Recorder


class TestPipe(StreamContract):
    options: ClassVar[dict[str, float]] = {}

    @asynccontextmanager
    async def ends(
        self, left: Recorder, right: Recorder
    ) -> AsyncIterator[tuple[asyncio.Transport, asyncio.Transport]]:
        a, b = connect(left, right, **self.options)
        yield a, b
        a.abort()
        b.abort()


class TestSlowPipe(TestPipe):
    options: ClassVar[dict[str, float]] = {"latency_s": 0.05}
    big_bytes = 2 * 1024 * 1024


class TestCrumblingPipe(TestPipe):
    options: ClassVar[dict[str, float]] = {"chunk_bytes": 1000, "window_bytes": 3000}
    big_bytes = 2 * 1024 * 1024
