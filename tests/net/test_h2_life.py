"""A connection's transport, clock and end; time is virtual."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from tests.kit.clock import run
from tests.kit.pipe import pipe
from tests.net.h2_kit import (
    ACK,
    GET,
    GOAWAY,
    OK,
    PING,
    POST,
    PREFACE,
    PROTOCOL_ERROR,
    SETTINGS,
    WINDOW_UPDATE,
    Door,
    Pair,
    RawAsked,
    RawServed,
    ask,
    data,
    echo,
    headers,
    open_ok,
    raw,
    settings,
    settle,
    u32,
)
from tunnel_whisperer.base.errors import Broken
from tunnel_whisperer.base.limits import HTTP_CLOSE_LINGER_S, PING_INTERVAL_S, PING_TIMEOUT_S
from tunnel_whisperer.net.h2_client import H2ClientConnection


def now() -> float:
    return asyncio.get_running_loop().time()


def timers() -> list[Any]:
    """What the loop would still wake up for."""
    return [timer for timer in asyncio.get_running_loop()._scheduled if not timer.cancelled()]  # type: ignore[attr-defined]


# -- signs of life ---------------------------------------------------------------------------------


def test_a_silent_peer_is_asked_after_10_s_and_given_up_after_20() -> None:
    async def scenario() -> None:
        asked = RawAsked()
        scribe = ask(asked.client)
        await settle()
        start = now()
        await asyncio.sleep(PING_INTERVAL_S - 0.1)
        assert not asked.peer.frames(PING)
        await asyncio.sleep(0.2)
        assert len(asked.peer.frames(PING)) == 1
        await asked.peer.got_lost()
        assert now() - start == pytest.approx(PING_INTERVAL_S + PING_TIMEOUT_S)
        assert scribe.fault.code == "link-lost" and scribe.fault.where == "192.0.2.2:40002"

    run(scenario())


def test_a_black_hole_is_noticed_within_24_s_though_we_keep_sending() -> None:
    async def scenario() -> None:
        asked = RawAsked(window_bytes=1 << 20)
        scribe = ask(asked.client, "POST")
        await settle()
        asked.far.black_hole()
        start = now()
        while not scribe.lost:
            scribe.exchange.send_body(b"keystroke")
            await asyncio.sleep(0.5)
        assert now() - start <= 24.5

    run(scenario())


def test_a_peer_that_answers_is_asked_again_and_again_and_kept() -> None:
    async def scenario() -> None:
        pair = Pair(Door(open_ok))
        scribe = ask(pair.client)
        await asyncio.sleep(500)
        assert not scribe.lost and pair.server.open_exchanges == 1
        pair.client.abort()

    run(scenario())


def test_any_byte_is_an_answer() -> None:
    async def scenario() -> None:
        asked = RawAsked()
        scribe = ask(asked.client)
        await asked.send(headers(1, OK))
        for _ in range(20):
            await asyncio.sleep(15)
            asked.peer.send(data(1, b"."))
        assert len(scribe.body) == 20 - 1 and not scribe.lost
        asked.near.abort()

    run(scenario())


def test_a_slow_path_is_not_a_dead_one() -> None:
    """Bytes leave all the time, and our question is behind 40 s of them."""

    async def scenario() -> None:
        greeting = settings((4, 1 << 30)) + raw(WINDOW_UPDATE, 0, 0, u32(1 << 30))
        asked = RawAsked(greeting=greeting, window_bytes=1000)
        await settle()
        scribe = ask(asked.client, "POST")
        asked.near.pause_reading()
        scribe.exchange.send_body(bytes(300_000))
        asked.peer.on_data = lambda _: asked.near.pause_reading()  # 1000 bytes at a time
        answered = 0
        for _ in range(80 * 5):  # 40 kbit/s
            await asyncio.sleep(0.2)
            asked.near.resume_reading()
            pings = len(asked.peer.frames(PING))
            asked.peer.send(*[raw(PING, ACK, 0, b"tw-alive")] * (pings - answered))
            answered = pings
            assert not scribe.lost
        assert answered >= 1
        asked.near.abort()

    run(scenario())


def test_a_paused_transport_that_does_not_move_is_dead() -> None:
    async def scenario() -> None:
        greeting = settings((4, 1 << 30)) + raw(WINDOW_UPDATE, 0, 0, u32(1 << 30))
        asked = RawAsked(greeting=greeting)
        await settle()
        scribe = ask(asked.client, "POST")
        asked.near.pause_reading()
        scribe.exchange.send_body(bytes(2_000_000))
        start = now()
        while not scribe.lost:
            await asyncio.sleep(0.5)
        assert now() - start <= 24.5

    run(scenario())


# -- the end ---------------------------------------------------------------------------------------


def test_no_timer_is_left_behind() -> None:
    async def scenario() -> None:
        before = len(timers())
        for end in ("cut", "abort", "close", "fault", "eof"):
            served = RawServed(Door(open_ok))
            await served.send(headers(1, POST), raw(1, 0, 3, b""))
            if end == "cut":
                served.near.cut()
            elif end == "abort":
                served.server.abort()
            elif end == "close":
                served.server.close()
                served.near.abort()
            elif end == "fault":
                await served.send(data(0, b""))
                served.near.close()
            else:
                served.near.close()
            await settle()
            assert served.peer.lost and served.door.scribes[0].lost, end
            assert len(timers()) == before, end

    run(scenario())


def test_the_goaway_of_a_fault_arrives_though_the_peer_sends_on() -> None:
    """A closed socket would answer what still arrives with a reset."""

    async def scenario() -> None:
        served = RawServed(latency_s=0.05)
        await asyncio.sleep(1)
        served.peer.send(data(0, b""))
        for _ in range(100):
            await asyncio.sleep(0.01)
            served.peer.send(raw(PING, 0, 0, bytes(8)) * 1000)
        assert served.peer.goaways == [(0, PROTOCOL_ERROR)]
        assert served.peer.eof and not served.peer.lost
        served.near.close()
        await served.peer.got_lost()
        assert served.peer.lost_exc is None

    run(scenario())


def test_a_peer_that_does_not_end_is_cut_after_the_linger() -> None:
    async def scenario() -> None:
        served = RawServed()
        await settle()
        start = now()
        served.peer.send(data(0, b""))
        await served.peer.got_lost()
        assert now() - start == pytest.approx(HTTP_CLOSE_LINGER_S)
        await settle()
        assert not timers() or all(timer.when() > now() + 100 for timer in timers())

    run(scenario())


def test_the_last_answer_leaves_before_the_connection_ends() -> None:
    async def scenario() -> None:
        pair = Pair(Door(echo), latency_s=0.05, window_bytes=10_000)
        scribe = ask(pair.client, "POST")
        scribe.exchange.send_body(bytes(500_000))
        await asyncio.sleep(0.5)
        pair.server.close()
        await asyncio.sleep(0.2)
        assert not pair.client.can_request
        scribe.exchange.end_body()
        await asyncio.sleep(60)
        assert len(scribe.body) == 500_000 and scribe.lost == [None]
        assert not timers() or all(timer.when() > now() + 100 for timer in timers())

    run(scenario())


def test_a_lost_connection_tells_why() -> None:
    async def scenario() -> None:
        for cause in (None, ConnectionResetError("gone"), Broken("internal", "as is")):
            ours, theirs = pipe()
            client = H2ClientConnection()
            ours.start(client)
            scribe = ask(client)
            client.connection_lost(cause)
            assert scribe.fault is cause if isinstance(cause, Broken) else scribe.fault.code == "link-lost"
            assert ("gone" in str(scribe.fault)) is isinstance(cause, ConnectionResetError)
            ours.set_protocol(asyncio.Protocol())
            theirs.abort()
            await settle()

    run(scenario())


def test_nothing_is_written_to_a_paused_transport_but_what_it_needs_to_end() -> None:
    async def scenario() -> None:
        greeting = PREFACE + settings((4, 1 << 30)) + raw(WINDOW_UPDATE, 0, 0, u32(1 << 30))
        served = RawServed(Door(open_ok), greeting=greeting)
        await served.send(headers(1, GET, end=True))
        served.near.pause_reading()
        exchange = served.door.scribes[0].exchange
        exchange.send_body(bytes(4_000_000))
        await settle(100)
        held = served.far.get_write_buffer_size()
        assert held < 600_000 and exchange.unsent_bytes > 3_000_000
        await served.send(raw(PING, 0, 0, bytes(8)) * 100)
        assert served.far.get_write_buffer_size() == held
        served.near.resume_reading()
        await settle(300)
        assert exchange.unsent_bytes == 0 and len(served.peer.body(1)) == 4_000_000
        assert len(served.peer.frames(PING)) == 100
        assert served.peer.frames(PING)[0] in served.peer.frames()[:50], "in front of the body that waited"
        served.near.abort()

    run(scenario())


def test_everything_of_one_turn_leaves_in_one_write() -> None:
    async def scenario() -> None:
        asked = RawAsked()
        await settle()
        writes: list[int] = []
        write = asked.far.write

        def count(payload: Any) -> None:
            writes.append(len(payload))
            write(payload)

        cast(Any, asked.far).write = count
        for _ in range(10):
            exchange = ask(asked.client, "POST").exchange
            exchange.send_body(b"a")
            exchange.send_body(b"b")
            exchange.end_body()
        await settle()
        assert len(writes) == 1
        asked.near.abort()

    run(scenario())


def test_frames_after_the_end_are_not_looked_at() -> None:
    async def scenario() -> None:
        served = RawServed(Door(open_ok))
        await served.send(headers(1, POST), data(0, b""), headers(3, POST), raw(GOAWAY, 0, 0, bytes(8)))
        await served.send(headers(5, POST), raw(SETTINGS, ACK))
        assert len(served.door.scribes) == 1
        served.near.close()

    run(scenario())
