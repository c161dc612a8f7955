"""The XHTTP client's shell: orders of its machine on links that come, go and refuse."""

from __future__ import annotations

import asyncio

import pytest

from tests.kit.clock import run
from tests.kit.recorder import Recorder
from tests.net.xhttp_kit import Answering, World, each_mode, each_version
from tunnel_whisperer.base.errors import PeerFault, Refused, TwError, Unreachable
from tunnel_whisperer.base.limits import STREAM_HIGH_WATER_BYTES
from tunnel_whisperer.net.http import ClientConnection, Exchange, ExchangeHandler
from tunnel_whisperer.wire.http import RequestHead, ResponseHead


class SlowWorld(World):
    """Its first link is there; each further one must be let through, or fails."""

    def __init__(self, right: Recorder, opened: asyncio.Event) -> None:
        super().__init__("1.1", lambda stream: World.door(right, opened))
        self.asked = 0
        self.gate = asyncio.Event()
        self.fault: TwError | None = None

    async def link(self) -> ClientConnection:
        self.asked += 1
        if self.asked > 1:
            await self.gate.wait()
        if self.fault is not None:
            raise self.fault
        return await super().link()


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


def test_what_is_written_before_its_link_is_there_waits_and_counts_as_unsent() -> None:
    """HTTP/1.1 in stream-up: the download has the first link, the upload wants one of its own."""

    async def main() -> None:
        right, opened = Recorder(), asyncio.Event()
        world = SlowWorld(right, opened)
        transport = await world.open("stream-up", Recorder())
        for piece in (b"!", b"abc", b"def"):
            transport.write(piece)
        transport.write_eof()
        await asyncio.sleep(1)
        assert transport.get_write_buffer_size() == 7
        assert not right.received
        world.gate.set()
        await right.got_eof()
        assert right.received == b"abcdef"
        assert transport.get_write_buffer_size() == 0
        await world.close()

    run(main())


def test_a_writer_is_paused_while_its_link_is_dialled() -> None:
    async def main() -> None:
        left, right, opened = Recorder(), Recorder(), asyncio.Event()
        world = SlowWorld(right, opened)
        transport = await world.open("stream-up", left)
        body = b"!" + bytes(2 * STREAM_HIGH_WATER_BYTES)
        transport.write(body)
        assert left.paused
        world.gate.set()
        await right.got(len(body) - 1)
        await left.until(lambda: not left.paused, "resume_writing")
        await world.close()

    run(main())


def test_without_a_first_link_there_is_no_stream() -> None:
    async def main() -> None:
        world = SlowWorld(Recorder(), asyncio.Event())
        world.fault = Unreachable("dns-failed", "no such name")
        left = Recorder()
        with pytest.raises(Unreachable) as caught:
            await world.open("stream-up", left)
        assert caught.value is world.fault
        assert left.transport is None, "the protocol hears nothing of it"

    run(main())


def test_a_stream_whose_second_link_cannot_be_had_ends_with_that_reason() -> None:
    async def main() -> None:
        left = Recorder()
        world = SlowWorld(Recorder(), asyncio.Event())
        transport = await world.open("stream-up", left)
        transport.write(b"!x")
        world.fault = Unreachable("relay-unreachable", "no route")
        world.gate.set()
        await left.got_lost()
        assert left.lost_exc is world.fault
        await world.close()

    run(main())


def test_a_stream_that_was_reset_meanwhile_asks_nothing_of_the_new_link() -> None:
    async def main() -> None:
        left = Recorder()
        world = SlowWorld(Recorder(), asyncio.Event())
        transport = await world.open("stream-up", left)
        transport.write(b"!x")
        await asyncio.sleep(0.1)
        transport.abort()
        await left.got_lost()
        world.gate.set()
        await asyncio.sleep(1)
        assert [link.open_exchanges for link in world.links] == [0]
        await world.close()

    run(main())


def test_the_streams_extra_info_is_that_of_its_link() -> None:
    async def main() -> None:
        left, right, opened = Recorder(), Recorder(), asyncio.Event()
        world = World("2", lambda stream: World.door(right, opened))
        transport = await world.join("stream-one", left, opened)
        assert transport.get_extra_info("http_version") == "2"
        assert transport.get_extra_info("peername") == ("192.0.2.2", 40002)  # of the pipe (tests/kit)
        await world.close()

    run(main())
