"""Our server against the ``h2`` library as its client, and against raw frames."""

from __future__ import annotations

import asyncio
import random

import h2.events
import h2.settings
import pytest

from tests.kit.clock import run
from tests.net.h2_kit import (
    ACK,
    CANCEL,
    CONTINUATION,
    END_STREAM,
    ENHANCE_YOUR_CALM,
    GET,
    GOAWAY,
    HEADERS,
    INTERNAL_ERROR,
    NO_ERROR,
    PADDED,
    POST,
    PREFACE,
    PRIORITY,
    REFUSED_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
    Door,
    LibraryServed,
    RawServed,
    Scribe,
    answer_ok,
    block,
    data,
    echo,
    headers,
    open_ok,
    raw,
    settings,
    settle,
    u32,
)
from tunnel_whisperer.base.limits import HEAD_TIMEOUT_S, HTTP_IDLE_TIMEOUT_S, MAX_CONCURRENT_STREAMS
from tunnel_whisperer.wire.http import RequestHead, ResponseHead

KB, MB = 1024, 1024 * 1024


def test_a_request_arrives_as_it_was_sent_and_its_answer_comes_back() -> None:
    def answer(scribe: Scribe) -> None:
        scribe.exchange.respond(ResponseHead(201, (("x-a", "1"), ("x-a", "2"))))
        scribe.exchange.send_body(b"hello")
        scribe.exchange.end_body()

    async def scenario() -> None:
        served = LibraryServed(Door(answer))
        stream = served.request((*GET, ("cookie", "a=b"), ("x-padding", "XXX")))
        await settle()
        (scribe,) = served.door.scribes
        assert scribe.request == RequestHead(
            "GET", "/x", "relay.test", "https", (("cookie", "a=b"), ("x-padding", "XXX"))
        )
        assert scribe.ended and scribe.lost == [None]
        (response,) = served.peer.of(h2.events.ResponseReceived)
        assert response.headers == [(":status", "201"), ("x-a", "1"), ("x-a", "2")]
        assert served.peer.bodies[stream] == b"hello"
        assert served.peer.of(h2.events.StreamEnded)
        served.near.abort()

    run(scenario())


def test_the_authority_may_come_as_host() -> None:
    async def scenario() -> None:
        served = LibraryServed(Door(answer_ok))
        served.request((GET[0], GET[1], GET[3], ("host", "other.test")))
        await settle()
        assert served.door.scribes[0].request == RequestHead("GET", "/x", "other.test")
        served.near.abort()

    run(scenario())


@pytest.mark.parametrize(
    "pipe", [{}, {"latency_s": 0.02}, {"chunk_bytes": 1}, {"chunk_bytes": 1009}], ids=str
)
def test_bodies_stream_in_both_directions_at_once(pipe: dict[str, float]) -> None:
    size = 60 * KB if pipe.get("chunk_bytes") == 1 else 3 * MB

    async def scenario() -> None:
        served = LibraryServed(Door(echo), **pipe)
        sent = random.Random(1).randbytes(size)
        stream = served.request(POST, end=False)
        for at in range(0, size, 50_000):
            served.peer.send(stream, sent[at : at + 50_000])
            await asyncio.sleep(0.001)
        served.peer.send(stream, b"", end=True)
        async with asyncio.timeout(600):
            while not served.peer.of(h2.events.StreamEnded):
                await asyncio.sleep(0.05)
        assert served.peer.bodies[stream] == sent
        assert served.door.scribes[0].body == sent
        assert served.door.scribes[0].lost == [None]
        assert served.server.open_exchanges == 0
        served.near.abort()

    run(scenario())


def test_many_streams_share_the_connection() -> None:
    async def scenario() -> None:
        served = LibraryServed(Door(echo))
        await settle()
        bodies = {served.request(POST, end=False): random.Random(n).randbytes(40_000) for n in range(99)}
        for stream, body in bodies.items():
            served.peer.send(stream, body, end=True)
        await asyncio.sleep(1)
        assert served.peer.bodies == bodies
        assert all(scribe.lost == [None] for scribe in served.door.scribes)
        served.near.abort()

    run(scenario())


def test_trailers_of_a_request_end_its_body() -> None:
    async def scenario() -> None:
        served = LibraryServed(Door(answer_ok))
        stream = served.request(POST, end=False)
        served.peer.send(stream, b"body")
        served.peer.h2.send_headers(stream, [("x-checksum", "1")], end_stream=True)
        served.peer.flush()
        await settle()
        (scribe,) = served.door.scribes
        assert scribe.body == b"body" and scribe.ended and scribe.lost == [None]
        served.near.abort()

    run(scenario())


def test_padding_and_priority_change_nothing() -> None:
    async def scenario() -> None:
        served = LibraryServed(Door(echo))
        stream = served.request(POST, end=False, priority_weight=20, priority_exclusive=True)
        for n in range(100):
            served.peer.h2.send_data(stream, b"x" * 700, pad_length=n)
            served.peer.h2.prioritize(stream, weight=n + 1)
            served.peer.flush()
            await settle()
        served.peer.send(stream, b"", end=True)
        await asyncio.sleep(1)
        assert served.peer.bodies[stream] == b"x" * 70_000
        served.near.abort()

    run(scenario())


@pytest.mark.parametrize("chunk_bytes", [None, 1, 7])
def test_padding_is_given_back_to_the_windows(chunk_bytes: int | None) -> None:
    """200 frames of 256 bytes of padding and 1 of body: 51 KB of a window of 64 KiB, four times."""

    async def scenario() -> None:
        served = RawServed(Door(open_ok), chunk_bytes=chunk_bytes)
        await served.send(headers(1, POST))
        for _ in range(4):
            await served.send(raw(0, PADDED, 1, b"\xff" + b"x" + bytes(255)) * 200)
        assert served.door.scribes[0].body == b"x" * 800
        assert not served.peer.goaways and not served.peer.resets
        assert served.peer.credit(1) >= 4 * 200 * 257 - 64 * KB
        served.near.abort()

    run(scenario())


def test_a_head_in_pieces_is_put_together() -> None:
    async def scenario() -> None:
        served = RawServed(Door(answer_ok))
        whole = block((*GET, ("x-long", "v" * 5000)))
        pieces = [whole[at : at + 400] for at in range(0, len(whole), 400)]
        await served.send(
            raw(HEADERS, END_STREAM, 1, pieces[0]),
            *(raw(CONTINUATION, 0, 1, piece) for piece in pieces[1:]),
            raw(CONTINUATION, 4, 1),
        )
        (scribe,) = served.door.scribes
        assert scribe.request is not None and scribe.request.headers == (("x-long", "v" * 5000),)
        served.near.abort()

    run(scenario())


# -- refusals, resets and ends ---------------------------------------------------------------------


def test_streams_over_the_limit_are_refused_and_the_rest_goes_on() -> None:
    async def scenario() -> None:
        served = RawServed(Door(open_ok))
        for n in range(MAX_CONCURRENT_STREAMS + 3):
            await served.send(headers(2 * n + 1, POST))
        over = [
            (2 * n + 1, REFUSED_STREAM) for n in range(MAX_CONCURRENT_STREAMS, MAX_CONCURRENT_STREAMS + 3)
        ]
        assert served.peer.resets == over
        await served.send(data(over[0][0], b"late"), headers(over[1][0], (("a", "b"),), end=True))
        assert len(served.peer.resets) == 3 and not served.peer.goaways
        served.door.scribes[0].exchange.reset()
        await served.send(headers(9001, GET, end=True))
        assert served.door.scribes[-1].ended
        served.near.abort()

    run(scenario())


def test_the_limit_is_told_in_settings() -> None:
    async def scenario() -> None:
        served = LibraryServed(Door())
        await settle()
        settings_seen = served.peer.h2.remote_settings
        assert settings_seen[h2.settings.SettingCodes.MAX_CONCURRENT_STREAMS] == MAX_CONCURRENT_STREAMS
        served.near.abort()

    run(scenario())


def test_the_peer_s_reset_reaches_its_handler_alone() -> None:
    async def scenario() -> None:
        served = LibraryServed(Door(open_ok))
        first, second = served.request(POST, end=False), served.request(POST, end=False)
        await settle()
        served.peer.h2.reset_stream(first, CANCEL)
        served.peer.send(second, b"x", end=True)
        await settle()
        assert served.door.scribes[0].fault.code == "stream-reset"
        assert served.door.scribes[1].ended and not served.door.scribes[1].lost
        assert served.server.open_exchanges == 1
        served.near.abort()

    run(scenario())


def test_a_reset_before_the_answer_is_complete_is_a_cancel() -> None:
    async def scenario() -> None:
        served = RawServed(Door(open_ok))
        await served.send(headers(1, GET, end=True))
        served.door.scribes[0].exchange.send_body(b"x" * 70_000)
        await settle()
        served.door.scribes[0].exchange.reset()
        await settle()
        assert served.peer.resets == [(1, CANCEL)]
        assert served.door.scribes[0].lost == [], "nobody is told of its own reset"
        await served.send(raw(WINDOW_UPDATE, 0, 1, u32(1)), headers(1, (("late", "1"),), end=True))
        assert not served.peer.goaways
        served.near.abort()

    run(scenario())


def test_a_reset_behind_a_complete_answer_asks_for_no_more_body() -> None:
    """RFC 9113 section 8.1: RST_STREAM NO_ERROR, and the end of our body goes first."""

    async def scenario() -> None:
        served = RawServed()
        await served.send(headers(1, POST), data(1, b"some"))
        exchange = served.door.scribes[0].exchange
        exchange.respond(ResponseHead(200))
        exchange.send_body(b"refused")
        exchange.end_body()
        await settle()
        exchange.reset()
        await served.send(data(1, bytes(1000)) * 3, data(1, b"", end=True))
        assert [frame.kind for frame in served.peer.frames(stream=1)] == [HEADERS, 0, 3]
        assert served.peer.frames(0, 1)[-1].flags == END_STREAM
        assert served.peer.resets == [(1, NO_ERROR)] and not served.peer.goaways
        served.near.abort()

    run(scenario())


def test_an_end_that_was_not_sent_yet_goes_before_the_reset() -> None:
    async def scenario() -> None:
        served = RawServed()
        await served.send(headers(1, POST))
        exchange = served.door.scribes[0].exchange
        exchange.respond(ResponseHead(200))
        exchange.end_body()
        exchange.reset()
        exchange.reset()  # harmless
        await settle()
        assert [(frame.kind, frame.flags & 1) for frame in served.peer.frames(stream=1)] == [
            (HEADERS, 0),
            (0, END_STREAM),
            (3, 0),
        ]
        assert served.peer.resets == [(1, NO_ERROR)]
        served.near.abort()

    run(scenario())


def test_a_handler_that_fails_ends_its_own_exchange(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        def fail(_: bytes) -> None:
            raise ZeroDivisionError

        served = RawServed(Door(open_ok))
        await served.send(headers(1, POST), headers(3, POST))
        served.door.scribes[0].on_body = fail
        await served.send(data(1, b"x"), data(3, b"y"))
        assert served.peer.resets == [(1, INTERNAL_ERROR)]
        assert served.door.scribes[0].fault.code == "internal"
        assert served.door.scribes[1].body == b"y"
        served.near.abort()

    run(scenario())
    assert "ZeroDivisionError" in caplog.text


def test_a_door_that_fails_ends_its_own_exchange(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        def fail(scribe: Scribe) -> None:
            if len(served.door.scribes) == 1:
                raise ZeroDivisionError
            answer_ok(scribe)

        served = RawServed(Door(fail))
        await served.send(headers(1, GET, end=True), headers(3, GET, end=True))
        assert served.peer.resets == [(1, INTERNAL_ERROR)]
        assert [stream for stream, _ in served.peer.heads()] == [3]
        served.near.abort()

    run(scenario())
    assert "ZeroDivisionError" in caplog.text


@pytest.mark.parametrize("size", [13_000, 20_000])
def test_a_head_that_is_too_long_is_answered_431_and_nobody_else_suffers(size: int) -> None:
    async def scenario() -> None:
        served = RawServed(Door(open_ok))
        long = block((*GET, ("x-long", "v" * size)))
        await served.send(headers(1, POST))
        first, rest = long[:10_000], long[10_000:]
        await served.send(raw(HEADERS, 0, 3, first), raw(CONTINUATION, 4, 3, rest), data(3, b"late"))
        await served.send(headers(5, GET, end=True), data(1, b"alive"))
        assert [(stream, dict(fields)[":status"]) for stream, fields in served.peer.heads()] == [
            (1, "200"),
            (3, "431"),
            (5, "200"),
        ]
        assert served.peer.resets == [(3, NO_ERROR)] and not served.peer.goaways
        assert served.door.scribes[0].body == b"alive"
        served.near.abort()

    run(scenario())


def test_close_lets_the_exchanges_end_and_takes_no_new_ones() -> None:
    async def scenario() -> None:
        served = RawServed(Door(echo))
        await served.send(headers(1, POST))
        served.server.close()
        served.server.close()  # harmless
        await served.send(data(1, b"still "))
        assert served.peer.goaways == [(1, NO_ERROR)] and not served.peer.eof
        await served.send(data(1, b"served", end=True))
        assert served.peer.body(1) == b"still served"
        assert served.door.scribes[0].lost == [None]
        await served.peer.got_eof()

    run(scenario())


def test_requests_after_our_goaway_are_ignored_and_its_number_stays() -> None:
    async def scenario() -> None:
        served = RawServed(Door(open_ok))
        await served.send(headers(1, POST))
        served.server.close()
        await settle()
        await served.send(*(headers(2 * n + 3, GET, end=True) for n in range(2000)))
        await served.send(data(3, b"x"), data(0, b"a fault"))
        assert len(served.door.scribes) == 1
        assert served.peer.goaways == [(1, NO_ERROR), (1, 1)], "RFC 9113 section 6.8: it never grows"
        assert not served.peer.resets

    run(scenario())


def test_a_client_that_goes_away_still_gets_its_answers() -> None:
    async def scenario() -> None:
        served = RawServed()
        await served.send(headers(1, GET, end=True), raw(GOAWAY, 0, 0, u32(0, 0)))
        exchange = served.door.scribes[0].exchange
        exchange.respond(ResponseHead(200))
        exchange.send_body(b"answer")
        exchange.end_body()
        await settle()
        assert served.peer.body(1) == b"answer"
        served.near.abort()

    run(scenario())


# -- time ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        PREFACE[:10],
        PREFACE,
        PREFACE + settings(),
        PREFACE + settings() + raw(HEADERS, 0, 1, block(GET)),
    ],
    ids=["nothing", "half a preface", "a preface", "SETTINGS", "half a head"],
)
def test_a_first_head_that_does_not_come_ends_the_connection(sent: bytes) -> None:
    async def scenario() -> None:
        served = RawServed(greeting=sent)
        start = asyncio.get_running_loop().time()
        await served.peer.got_eof()
        assert asyncio.get_running_loop().time() - start == pytest.approx(HEAD_TIMEOUT_S)
        assert served.peer.goaways == [(0, ENHANCE_YOUR_CALM)]
        assert not served.door.scribes

    run(scenario())


def test_a_later_head_that_does_not_end_ends_the_connection() -> None:
    async def scenario() -> None:
        served = RawServed(Door(open_ok))
        await served.send(headers(1, POST))
        await asyncio.sleep(HEAD_TIMEOUT_S * 2)
        await served.send(raw(HEADERS, 0, 3, block(GET)))
        for _ in range(8):
            await asyncio.sleep(0.45)
            await served.send(raw(CONTINUATION, 0, 3))
        assert not served.peer.goaways
        await asyncio.sleep(0.45)
        assert served.peer.goaways == [(1, ENHANCE_YOUR_CALM)]

    run(scenario())


def test_trailers_in_pieces_leave_no_deadline_behind() -> None:
    async def scenario() -> None:
        served = RawServed(Door(open_ok))
        await served.send(headers(1, POST))
        trailers = block((("x-sum", "1"),))
        await served.send(raw(HEADERS, END_STREAM, 1, trailers[:2]), raw(CONTINUATION, 4, 1, trailers[2:]))
        await asyncio.sleep(HEAD_TIMEOUT_S + 1)
        assert served.door.scribes[0].ended and not served.peer.goaways
        served.near.abort()

    run(scenario())


def test_a_connection_without_an_exchange_is_ended_after_a_while() -> None:
    async def scenario() -> None:
        served = LibraryServed(Door(answer_ok))
        served.request()
        await asyncio.sleep(HTTP_IDLE_TIMEOUT_S - 1)
        assert not served.peer.lost
        await asyncio.sleep(12)
        (goaway,) = served.peer.of(h2.events.ConnectionTerminated)
        assert goaway.error_code == NO_ERROR and served.peer.lost

    run(scenario())


def test_a_connection_with_an_exchange_is_not_idle() -> None:
    async def scenario() -> None:
        served = LibraryServed(Door(open_ok))
        long_lived = served.request(POST, end=False)
        for _ in range(3):
            await asyncio.sleep(HTTP_IDLE_TIMEOUT_S / 2)
            served.request()
        assert not served.peer.of(h2.events.ConnectionTerminated)
        for scribe in served.door.scribes[1:]:
            scribe.exchange.end_body()
        await asyncio.sleep(HTTP_IDLE_TIMEOUT_S * 2)
        served.peer.send(long_lived, b"still here")
        await settle()
        assert served.door.scribes[0].body == b"still here"
        served.near.abort()

    run(scenario())


def test_the_connection_tells_about_its_peer() -> None:
    async def scenario() -> None:
        served = RawServed(Door(open_ok))
        await served.send(headers(1, GET))
        exchange = served.door.scribes[0].exchange
        assert exchange.get_extra_info("http_version") == "2"
        assert exchange.get_extra_info("peername") == ("192.0.2.2", 40002)
        assert exchange.get_extra_info("peercert_der", "none") == "none"
        assert exchange.get_extra_info("nonsense", 7) == 7
        await served.send(raw(PRIORITY, 0, 1, bytes(5)), raw(SETTINGS, ACK))
        served.near.abort()

    run(scenario())
