"""A stream on file descriptors, as ssh gives them to its ProxyCommand."""

from __future__ import annotations

import asyncio
import hashlib
import os
import threading
from collections.abc import Awaitable, Callable, Iterator

import pytest

from tests.doctor.doubles import Talk, listening
from tests.kit.clock import real_run
from tunnel_whisperer.base.errors import Unreachable
from tunnel_whisperer.daemon.stdio import carry_stdio

SIZE = 8 << 20


@pytest.fixture
def pipes() -> Iterator[tuple[int, int, int, int]]:
    """Read and write ends of the input, then of the output."""
    ends = (*os.pipe(), *os.pipe())
    yield ends
    for end in ends:
        try:
            os.close(end)
        except OSError:
            pass


def _carry(talk: Talk, source: int, sink: int, closed: list[str]) -> None:
    async def main() -> None:
        async with listening(talk) as address:

            async def open_stream(
                factory: Callable[[], asyncio.Protocol],
            ) -> tuple[asyncio.Transport, Callable[[], Awaitable[None]]]:
                loop = asyncio.get_running_loop()
                transport, _ = await loop.create_connection(factory, address.host, address.port)

                async def close() -> None:
                    closed.append("way")

                return transport, close

            await carry_stdio(open_stream, source, sink)

    real_run(main())


def test_bytes_pass_both_ways_and_the_end_of_input_arrives(pipes: tuple[int, int, int, int]) -> None:
    source, feed, drain, sink = pipes
    sent, got = os.urandom(SIZE), bytearray()

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
        writer.write(b"END")  # only after the end of input
        await writer.drain()

    def write() -> None:
        view = memoryview(sent)
        while view:
            view = view[os.write(feed, view) :]
        os.close(feed)

    def read() -> None:
        while len(got) < SIZE + 3:
            got.extend(os.read(drain, 1 << 16))

    threads = [threading.Thread(target=write), threading.Thread(target=read)]
    for thread in threads:
        thread.start()
    closed: list[str] = []
    _carry(echo, source, sink, closed)
    for thread in threads:
        thread.join(20)
    assert got.endswith(b"END") and closed == ["way"]
    assert hashlib.sha256(got[:-3]).digest() == hashlib.sha256(sent).digest()


def test_it_ends_with_the_stream_although_nobody_closes_the_input(pipes: tuple[int, int, int, int]) -> None:
    source, _, drain, sink = pipes

    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"SSH-2.0-x\r\n")
        await writer.drain()

    closed: list[str] = []
    _carry(greet, source, sink, closed)
    assert os.read(drain, 100) == b"SSH-2.0-x\r\n" and closed == ["way"]


def test_it_ends_when_nobody_reads_the_output_any_more(pipes: tuple[int, int, int, int]) -> None:
    source, _, drain, sink = pipes
    os.close(drain)

    async def chatter(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"x")
        await reader.read()

    closed: list[str] = []
    _carry(chatter, source, sink, closed)
    assert closed == ["way"]


def test_a_way_that_does_not_open_is_the_callers_to_tell() -> None:
    async def nowhere(
        factory: Callable[[], asyncio.Protocol],
    ) -> tuple[asyncio.Transport, Callable[[], Awaitable[None]]]:
        raise Unreachable("relay-unreachable", "no way there")

    with pytest.raises(Unreachable):
        real_run(carry_stdio(nowhere))
