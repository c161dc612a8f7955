"""XHTTP streams keep the stream contract, in each mode, over either HTTP."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any, ClassVar

import pytest

from tests.contract.stream_contract import StreamContract
from tests.kit.recorder import Recorder
from tests.net.xhttp_kit import World


class XhttpContract(StreamContract):
    mode: ClassVar[str]
    http_version: ClassVar[str] = "2"
    pipe: ClassVar[dict[str, Any]] = {}
    big_bytes = 4 * 1024 * 1024

    @pytest.fixture(autouse=True)
    def _nothing_fails_in_silence(self, caplog: pytest.LogCaptureFixture) -> Iterator[None]:
        """A connection keeps a handler's fault from its neighbours, and logs it."""
        yield
        assert not [record for record in caplog.get_records("call") if record.levelno >= logging.ERROR]

    @asynccontextmanager
    async def ends(
        self, left: Recorder, right: Recorder
    ) -> AsyncIterator[tuple[asyncio.Transport, asyncio.Transport]]:
        opened = asyncio.Event()
        world = World(self.http_version, lambda stream: World.door(right, opened), **self.pipe)
        transport = await world.join(self.mode, left, opened)
        assert right.transport is not None
        yield transport, right.transport
        await world.close()


class TestStreamOneOnHttp2(XhttpContract):
    mode = "stream-one"


class TestStreamUpOnHttp2(XhttpContract):
    mode = "stream-up"


class TestPacketUpOnHttp2(XhttpContract):
    mode = "packet-up"


class TestStreamOneOnHttp1(XhttpContract):
    mode = "stream-one"
    http_version = "1.1"


class TestStreamUpOnHttp1(XhttpContract):
    mode = "stream-up"
    http_version = "1.1"


class TestPacketUpOnHttp1(XhttpContract):
    mode = "packet-up"
    http_version = "1.1"


class TestPacketUpOverAFarLink(XhttpContract):
    mode = "packet-up"
    pipe: ClassVar[dict[str, Any]] = {"latency_s": 0.05, "chunk_bytes": 5000}
    big_bytes = 1024 * 1024
