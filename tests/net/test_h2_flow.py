"""Flow control of our server: what is given back when, who stalls whom, and who sends next."""

from __future__ import annotations

import asyncio

import pytest

from tests.kit.clock import run
from tests.net.h2_kit import (
    END_STREAM,
    GET,
    POST,
    PREFACE,
    WINDOW_UPDATE,
    Door,
    LibraryServed,
    RawServed,
    Scribe,
    data,
    echo,
    headers,
    open_ok,
    raw,
    settings,
    settle,
    u32,
)
from tunnel_whisperer.base.limits import MAX_CONCURRENT_STREAMS
from tunnel_whisperer.wire.http import ResponseHead

KB, MB = 1024, 1024 * 1024


def test_what_the_handler_does_not_hand_on_is_not_given_back() -> None:
    async def scenario() -> None:
        served = RawServed(Door(open_ok, acknowledges=False))
        await served.send(headers(1, POST), data(1, bytes(16 * KB)) * 4)
        assert served.peer.credit(1) == 0
        served.door.scribes[0].exchange.acknowledge(32 * KB)
        await settle()
        assert served.peer.credit(1) == 32 * KB
        served.near.abort()

    run(scenario())


def test_more_than_the_stream_window_resets_the_stream_alone() -> None:
    async def scenario() -> None:
        served = RawServed(Door(open_ok, acknowledges=False))
        await served.send(headers(1, POST), headers(3, POST), data(1, bytes(16 * KB)) * 4)
        await served.send(data(1, b"x"), data(3, b"fine"))
        assert served.peer.resets == [(1, 3)]
        first, second = served.door.scribes
        assert first.fault.code == "bad-http" and second.body == b"fine"
        served.near.abort()

    run(scenario())


def test_more_than_the_connection_window_ends_the_connection() -> None:
    async def scenario() -> None:
        served = RawServed(Door(open_ok))
        await served.send(headers(1, POST))
        served.server._window._credit = 1000  # no peer that keeps to its streams' windows gets there
        await served.send(data(1, bytes(1001)))
        assert served.peer.goaways == [(1, 3)]

    run(scenario())


def test_what_all_strangers_may_send_fits_into_the_connection_window() -> None:
    async def scenario() -> None:
        served = RawServed(Door(open_ok, acknowledges=False))
        for stream in range(1, 2 * MAX_CONCURRENT_STREAMS, 2):
            await served.send(headers(stream, POST), data(stream, bytes(16 * KB)) * 4)
        assert not served.peer.goaways and not served.peer.resets
        assert served.server.open_exchanges == MAX_CONCURRENT_STREAMS
        served.near.abort()

    run(scenario())


def test_a_stuck_stream_does_not_stall_its_neighbour() -> None:
    async def scenario() -> None:
        served = LibraryServed(Door(echo))
        stuck = served.request(POST, end=False)
        await settle()
        served.door.scribes[0].acknowledges = False
        served.peer.send(stuck, bytes(1 * MB))
        free = served.request(POST, end=False)
        served.peer.send(free, bytes(2 * MB), end=True)
        await asyncio.sleep(1)
        assert len(served.peer.bodies[free]) == 2 * MB
        assert len(served.door.scribes[0].body) == 64 * KB
        served.near.abort()

    run(scenario())


def test_wide_streams_that_are_stuck_leave_their_neighbours_a_window() -> None:
    """Five of 16 MiB are more than the connection's 64 MiB."""

    async def scenario() -> None:
        served = RawServed(Door(open_ok, acknowledges=False), window_bytes=4 * MB)
        for stream in range(1, 11, 2):
            await served.send(headers(stream, POST))
            served.door.scribes[-1].exchange.grow_window(16 * MB)
            await served.send()
            for _ in range(16):
                await served.send(data(stream, bytes(256 * KB)) * 4)
        await served.send(headers(21, POST), data(21, b"through", end=True))
        assert not served.peer.goaways and not served.peer.resets
        assert served.door.scribes[-1].body == b"through"
        assert served.peer.credit(0) + 65535 >= 5 * 16 * MB + 64 * KB
        for scribe in served.door.scribes[:-1]:
            scribe.exchange.reset()
        served.near.abort()

    run(scenario())


def test_the_connection_window_does_not_grow_with_each_stream_that_comes_and_goes() -> None:
    async def scenario() -> None:
        def widen(scribe: Scribe) -> None:
            scribe.exchange.grow_window(16 * MB)
            scribe.exchange.respond(ResponseHead(200), end=True)

        served = RawServed(Door(widen))
        for n in range(50):
            await served.send(headers(2 * n + 1, GET, end=True))
        assert served.peer.credit(0) + 65535 == 64 * MB
        served.near.abort()

    run(scenario())


def test_a_grown_window_is_told_to_the_peer() -> None:
    async def scenario() -> None:
        served = LibraryServed(Door(open_ok, acknowledges=False))
        stream = served.request(POST, end=False)
        await settle()
        served.door.scribes[0].exchange.grow_window(4 * MB)
        served.peer.send(stream, bytes(4 * MB))
        await asyncio.sleep(1)
        assert len(served.door.scribes[0].body) == 4 * MB
        served.near.abort()

    run(scenario())


def test_body_is_sent_as_the_peer_s_windows_allow() -> None:
    async def scenario() -> None:
        served = RawServed(Door(open_ok), greeting=PREFACE + settings((4, 1000)))
        await served.send(headers(1, GET, end=True))
        exchange = served.door.scribes[0].exchange
        exchange.send_body(bytes(5000))
        await settle()
        assert len(served.peer.body(1)) == 1000 and exchange.unsent_bytes == 4000
        await served.send(raw(WINDOW_UPDATE, 0, 1, u32(500)))
        assert len(served.peer.body(1)) == 1500
        await served.send(settings((4, 0)))  # 1000 less, now at -1000: RFC 9113 section 6.9.2
        await served.send(raw(WINDOW_UPDATE, 0, 1, u32(999)))
        assert len(served.peer.body(1)) == 1500
        await served.send(raw(WINDOW_UPDATE, 0, 1, u32(2)))
        assert len(served.peer.body(1)) == 1501
        await served.send(settings((4, 100_000)))
        assert len(served.peer.body(1)) == 5000 and exchange.unsent_bytes == 0
        served.near.abort()

    run(scenario())


@pytest.mark.timeout(10)
def test_a_body_ends_though_its_window_was_taken_back_below_zero() -> None:
    async def scenario() -> None:
        served = RawServed(Door(open_ok), greeting=PREFACE + settings((4, 1000)))
        await served.send(headers(1, GET, end=True))
        exchange = served.door.scribes[0].exchange
        exchange.send_body(bytes(1000))
        await served.send(settings((4, 0)))
        exchange.end_body()
        await settle()
        assert served.peer.frames(0, 1)[-1].flags == END_STREAM
        assert served.door.scribes[0].lost == [None]
        served.near.abort()

    run(scenario())


def test_a_peer_s_larger_frames_are_used() -> None:
    async def scenario() -> None:
        greeting = PREFACE + settings((5, 100_000), (4, 1 << 20)) + raw(WINDOW_UPDATE, 0, 0, u32(1 << 20))
        served = RawServed(Door(open_ok), greeting=greeting, window_bytes=1 << 20)
        await served.send(headers(1, GET, end=True))
        served.door.scribes[0].exchange.send_body(bytes(250_000))
        served.door.scribes[0].exchange.end_body()
        await settle()
        frames = served.peer.frames(0, 1)
        assert [len(frame.payload) for frame in frames] == [100_000, 100_000, 50_000]
        assert frames[-1].flags == END_STREAM
        served.near.abort()

    run(scenario())


def test_streams_that_send_take_turns() -> None:
    async def scenario() -> None:
        greeting = PREFACE + settings((4, 1 << 30), (5, 1 << 18)) + raw(WINDOW_UPDATE, 0, 0, u32(1 << 30))
        served = RawServed(Door(open_ok), greeting=greeting, window_bytes=64 * KB)
        await served.send(*(headers(stream, GET, end=True) for stream in (1, 3, 5)))
        for scribe in served.door.scribes:
            scribe.exchange.send_body(bytes(2 * MB))
        await settle(3)
        served.peer.send(headers(7, GET, end=True))
        await settle(3)
        served.door.scribes[3].exchange.send_body(b"late, and small")
        await settle(500)
        order = [frame.stream for frame in served.peer.frames(0)]
        assert order[:3] == [1, 3, 5]
        assert order.index(7) < len(order) - 6, "it did not wait for the end of the others"
        served.near.abort()

    run(scenario())
