"""The XHTTP stream as a transport, and the shells on both sides, where the contract does not reach."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from tests.kit.clock import run
from tests.kit.recorder import Recorder
from tests.net.xhttp_kit import World
from tunnel_whisperer.base.errors import PeerFault, Refused, TwError, Unreachable
from tunnel_whisperer.base.limits import STREAM_CLOSE_LINGER_S, STREAM_HIGH_WATER_BYTES
from tunnel_whisperer.net.http import Exchange, ExchangeHandler
from tunnel_whisperer.net.xhttp_stream import XhttpStream
from tunnel_whisperer.wire.http import RequestHead, ResponseHead

MODES = ("stream-one", "stream-up", "packet-up")
VERSIONS = ("2", "1.1")
each_mode = pytest.mark.parametrize("mode", MODES)
each_version = pytest.mark.parametrize("http_version", VERSIONS)


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

    def stream_unsent(self, stream_id: int) -> int:
        return self.unsent

    def stream_extra(self, stream_id: int, name: str) -> Any:
        return "x" if name == "known" else None


def stream_on(shell: Shell, protocol: asyncio.Protocol) -> XhttpStream:
    stream = XhttpStream(shell, 0)
    stream.start(protocol)
    return stream


class Failing(Recorder):
    """A protocol with a fault."""

    def data_received(self, data: bytes) -> None:
        raise ValueError("a fault of the application")


# -- the stream ----------------------------------------------------------------------------------


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


# -- the shells ----------------------------------------------------------------------------------


@each_version
@each_mode
def test_nothing_is_left_of_a_stream_that_is_over(mode: str, http_version: str) -> None:
    async def main() -> None:
        for how in ("end", "client aborts", "server aborts", "server closes"):
            left, right, opened = Recorder(), Recorder(), asyncio.Event()
            world = World(http_version, lambda stream: World.door(right, opened))  # noqa: B023
            transport = await world.join(mode, left, opened)
            assert right.transport is not None
            transport.write(b"data")
            right.transport.write(b"answer")
            await right.got(4)
            if how == "end":
                transport.write_eof()
                right.transport.write_eof()
            elif how == "client aborts":
                transport.abort()
            elif how == "server aborts":
                right.transport.abort()
            else:
                left.keep_open = False
                right.transport.close()
            await left.got_lost()
            await right.got_lost()
            await asyncio.sleep(1.0)
            assert world.acceptor.open_streams == 0, how
            assert not world.acceptor._requests, how
            assert world.acceptor._machine.next_deadline() is None or http_version == "1.1", how
            await world.close()

    run(main())


@each_version
@each_mode
def test_a_dead_link_is_told_as_such(mode: str, http_version: str) -> None:
    async def main() -> None:
        left, right, opened = Recorder(), Recorder(), asyncio.Event()
        world = World(http_version, lambda stream: World.door(right, opened))
        await world.join(mode, left, opened)
        world.pipes[0].cut()
        await left.got_lost()
        await right.got_lost()
        assert isinstance(left.lost_exc, Unreachable) and left.lost_exc.code == "link-lost"
        assert isinstance(right.lost_exc, Unreachable) and right.lost_exc.code == "link-lost"
        await world.close()

    run(main())


def test_a_post_whose_link_died_goes_over_another_one() -> None:
    async def main() -> None:
        left, right, opened = Recorder(), Recorder(), asyncio.Event()
        world = World("1.1", lambda stream: World.door(right, opened), latency_s=0.05)
        transport = await world.join("packet-up", left, opened)
        await asyncio.sleep(1)
        transport.write(b"important")
        await asyncio.sleep(0.01)  # under way
        assert len(world.pipes) == 2
        world.pipes[1].cut()
        await right.got(9)
        assert right.received == b"important"
        assert len(world.pipes) == 3
        await world.close()

    run(main())


def test_a_faulty_application_leaves_the_other_streams_alone(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        right, opened = Recorder(), asyncio.Event()
        protocols: list[asyncio.Protocol] = [Failing(), World.door(right, opened)]
        world = World("2", lambda stream: protocols.pop(0))
        victim, other = Recorder(), Recorder()
        first = await world.open("stream-one", victim)
        first.write(b"x")
        transport = await world.join("stream-one", other, opened)
        transport.write(b"data")
        await right.got(4)
        await victim.got_lost()
        assert victim.lost_exc is not None
        assert not other.lost and len(world.links) == 1
        await world.close()

    with caplog.at_level(logging.CRITICAL, "tw.net.xhttp"):
        run(main())


def test_a_stream_that_cannot_be_opened_leaves_the_other_streams_alone(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def main() -> None:
        right, opened, count = Recorder(), asyncio.Event(), iter(range(2))

        def accept(stream: XhttpStream) -> asyncio.Protocol:
            if next(count) == 0:
                raise ValueError("a fault of the application")
            return World.door(right, opened)

        world = World("2", accept)
        victim = Recorder()
        await world.open("stream-one", victim)
        await victim.got_lost()
        assert victim.lost_exc is not None
        await world.join("stream-one", Recorder(), opened)
        assert world.acceptor.open_streams == 1
        await world.close()

    with caplog.at_level(logging.CRITICAL, "tw.net.xhttp"):
        run(main())


class Answering:
    """A server that answers every request with the same head, and perhaps ends it."""

    def __init__(self, head: ResponseHead, *, end: bool) -> None:
        self.head, self.end = head, end

    def __call__(self, head: RequestHead, exchange: Exchange) -> ExchangeHandler:
        exchange.respond(self.head, end=self.end)
        return self

    def response_received(self, head: ResponseHead) -> None: ...

    def body_received(self, data: bytes) -> None: ...

    def body_ended(self) -> None: ...

    def exchange_lost(self, exc: TwError | None) -> None: ...

    def body_progressed(self) -> None: ...


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [
        (404, Refused, "relay-refused"),
        (502, Unreachable, "relay-unreachable"),
        (400, PeerFault, "relay-refused"),
    ],
)
@each_mode
def test_another_status_names_its_reason(mode: str, status: int, kind: type[TwError], code: str) -> None:
    async def main() -> None:
        world = World("2", lambda stream: Recorder())
        world.answer_with(Answering(ResponseHead(status, (("content-length", "0"),)), end=True))
        left = Recorder()
        await world.open(mode, left)
        await left.got_lost()
        assert isinstance(left.lost_exc, kind) and left.lost_exc.code == code
        await world.close()

    run(main())


def test_a_writer_is_not_left_waiting_when_its_upload_is_refused() -> None:
    """The upload's window is full, then the server ends and resets it: a write must be told."""

    async def main() -> None:
        uploads: list[Exchange] = []

        def accept(head: RequestHead, exchange: Exchange) -> ExchangeHandler:
            exchange.respond(ResponseHead(200))
            if head.method == "POST":
                uploads.append(exchange)
            return Answering(ResponseHead(200), end=False)

        world = World("2", lambda stream: Recorder())
        world.answer_with(accept)
        left = Recorder()
        transport = await world.open("stream-up", left)
        transport.write(bytes(4 * STREAM_HIGH_WATER_BYTES))
        await left.until(lambda: left.paused, "pause_writing")
        await asyncio.sleep(1)
        assert left.paused
        uploads[0].end_body()
        await asyncio.sleep(1)
        uploads[0].reset()
        await left.until(lambda: not left.paused, "resume_writing")
        assert not left.lost
        transport.write(b"more")
        await left.got_lost()
        assert isinstance(left.lost_exc, TwError) and left.lost_exc.code == "stream-reset"
        await world.close()

    run(main())


def test_closing_the_acceptor_cuts_every_stream() -> None:
    async def main() -> None:
        left, right, opened = Recorder(), Recorder(), asyncio.Event()
        world = World("2", lambda stream: World.door(right, opened))
        await world.join("stream-one", left, opened)
        world.acceptor.close()
        await left.got_lost()
        await right.got_lost()
        assert left.lost_exc is not None
        assert isinstance(right.lost_exc, Unreachable)
        await world.close()

    run(main())
