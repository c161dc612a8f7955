"""The XHTTP server's shell: all streams of a tenant, whatever connections their requests come on."""

from __future__ import annotations

import asyncio
import logging
import random

import pytest

from tests.kit.clock import run
from tests.kit.recorder import Recorder
from tests.net.xhttp_kit import Failing, World, each_mode, each_version
from tunnel_whisperer.base.errors import Unreachable
from tunnel_whisperer.net.http import Exchange, ExchangeHandler
from tunnel_whisperer.net.xhttp_server import XhttpAcceptor
from tunnel_whisperer.net.xhttp_stream import XhttpStream
from tunnel_whisperer.wire.http import RequestHead


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


def test_a_stream_belongs_to_the_visitor_that_asked_for_its_download() -> None:
    """In stream-up, download and upload are two requests; each may come with a certificate of its own."""

    async def main() -> None:
        right, owners = Recorder(), []

        def open_stream(stream: XhttpStream, visitor: str) -> asyncio.Protocol:
            owners.append(visitor)
            return right

        acceptor = XhttpAcceptor("/tw/srv1", open_stream, random.Random(1).randint)

        def accept(head: RequestHead, exchange: Exchange) -> ExchangeHandler:
            return acceptor.accept(head, exchange, f"who sent {head.method}")

        world = World("2", lambda stream: right)
        world.answer_with(accept)
        transport = await world.open("stream-up", Recorder())
        transport.write(b"data")
        await right.got(4)
        assert owners == ["who sent GET"]
        acceptor.close()
        await world.close()

    run(main())


def test_the_streams_extra_info_is_that_of_its_download() -> None:
    async def main() -> None:
        left, right, opened = Recorder(), Recorder(), asyncio.Event()
        world = World("1.1", lambda stream: World.door(right, opened))
        await world.join("packet-up", left, opened)
        assert right.transport is not None
        assert right.transport.get_extra_info("http_version") == "1.1"
        assert right.transport.get_extra_info("no such thing", 7) == 7
        await world.close()

    run(main())


@each_version
def test_a_writer_is_paused_by_a_client_that_does_not_read_and_goes_on_when_it_does(
    http_version: str,
) -> None:
    async def main() -> None:
        left, right, opened = Recorder(), Recorder(), asyncio.Event()
        world = World(http_version, lambda stream: World.door(right, opened))
        transport = await world.join("stream-one", left, opened)
        assert right.transport is not None
        transport.pause_reading()
        size = 0
        while not right.paused:
            right.transport.write(bytes(100_000))
            size += 100_000
            await asyncio.sleep(0.01)
        await asyncio.sleep(10)
        assert right.paused
        transport.resume_reading()
        await right.until(lambda: not right.paused, "resume_writing")
        await left.got(size)
        await world.close()

    run(main())
