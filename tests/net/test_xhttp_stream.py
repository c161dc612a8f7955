"""The XHTTP stream as a transport, where the contract does not reach; the shell below it is a stand-in."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from tests.kit.clock import run
from tests.kit.recorder import Recorder
from tests.net.xhttp_kit import Failing
from tunnel_whisperer.base.errors import TwError
from tunnel_whisperer.base.limits import STREAM_CLOSE_LINGER_S
from tunnel_whisperer.net.xhttp_stream import XhttpStream


class Shell:
    """Stands for a shell: writes down what a stream asks of it."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.unsent = 0

    def stream_write(self, stream_id: int, data: bytes) -> None:
        self.calls.append(("write", data))
        self.unsent += len(data)

    def stream_end(self, stream_id: int) -> None:
        self.calls.append(("end",))

    def stream_close(self, stream_id: int) -> None:
        self.calls.append(("close",))

    def stream_reset(self, stream_id: int) -> None:
        self.calls.append(("reset",))

    def stream_acknowledge(self, stream_id: int, count: int) -> None:
        self.calls.append(("acknowledge", count))

    def stream_overtook(self, stream_id: int) -> int:
        return 0

    def stream_unsent(self, stream_id: int) -> int:
        return self.unsent

    def stream_extra(self, stream_id: int, name: str) -> Any:
        return "x" if name == "known" else None


def stream_on(shell: Shell, protocol: asyncio.Protocol) -> XhttpStream:
    stream = XhttpStream(shell, 0)
    stream.start(protocol)
    return stream


def test_bytes_are_acknowledged_when_they_were_handed_on() -> None:
    async def main() -> None:
        shell, protocol = Shell(), Recorder()
        stream = stream_on(shell, protocol)
        stream.pause_reading()
        stream.feed_data(b"abc")
        assert shell.calls == []
        stream.resume_reading()
        assert shell.calls == []
        await asyncio.sleep(0)
        assert protocol.received == b"abc"
        assert shell.calls == [("acknowledge", 3)]
        stream.close()
        stream.feed_data(b"too late")
        assert shell.calls[1:] == [("close",), ("acknowledge", 8)]
        stream.feed_lost(None)
        await protocol.got_lost()

    run(main())


def test_bytes_that_come_in_crumbs_do_not_cost_an_object_each() -> None:
    async def main() -> None:
        shell, protocol = Shell(), Recorder()
        stream = stream_on(shell, protocol)
        stream.pause_reading()
        for _ in range(1000):
            stream.feed_data(b"ab")
        assert stream.get_read_buffer_size() == 2000
        stream.resume_reading()
        await asyncio.sleep(0)
        assert protocol.received == b"ab" * 1000 and protocol.calls <= 8
        assert stream.get_read_buffer_size() == 0
        stream.abort()

    run(main())


def test_a_close_waits_for_the_peers_end_and_not_for_ever() -> None:
    async def main() -> None:
        shell, protocol = Shell(), Recorder()
        stream = stream_on(shell, protocol)
        stream.close()
        await asyncio.sleep(STREAM_CLOSE_LINGER_S - 0.1)
        assert ("reset",) not in shell.calls
        await asyncio.sleep(0.2)
        assert protocol.lost
        assert protocol.lost_exc is None
        assert shell.calls == [("close",), ("reset",)]

    run(main())


def test_a_close_does_not_cut_what_is_still_leaving() -> None:
    async def main() -> None:
        shell, protocol = Shell(), Recorder()
        stream = stream_on(shell, protocol)
        stream.write(bytes(1000))
        stream.close()
        for _ in range(5):  # slow, but it leaves
            await asyncio.sleep(STREAM_CLOSE_LINGER_S - 1)
            shell.unsent -= 200
            stream.feed_progress()
        assert ("reset",) not in shell.calls
        await asyncio.sleep(2 * STREAM_CLOSE_LINGER_S + 1)  # nothing is left, the peer's end is missing
        assert protocol.lost

    run(main())


def test_a_close_gives_up_when_nothing_leaves() -> None:
    async def main() -> None:
        shell, protocol = Shell(), Recorder()
        stream = stream_on(shell, protocol)
        stream.write(bytes(1000))
        stream.close()
        await asyncio.sleep(STREAM_CLOSE_LINGER_S + 0.1)
        assert protocol.lost and shell.calls[-1] == ("reset",)

    run(main())


def test_a_fault_of_the_protocol_ends_its_stream_only(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        shell, protocol = Shell(), Failing()
        stream = stream_on(shell, protocol)
        stream.feed_data(b"x")  # does not raise
        stream.feed_data(b"y")
        await asyncio.sleep(0)
        assert isinstance(protocol.lost_exc, TwError) and protocol.lost_exc.code == "internal"
        assert shell.calls == [("reset",), ("acknowledge", 1)]

    with caplog.at_level(logging.CRITICAL, "tw.net.xhttp"):
        run(main())


def test_extra_info_is_that_of_the_exchange() -> None:
    async def main() -> None:
        stream = stream_on(Shell(), Recorder())
        assert stream.get_extra_info("known") == "x"
        assert stream.get_extra_info("unknown", 7) == 7
        stream.abort()

    run(main())
