"""Our client against the ``h2`` library as its server, and against raw frames."""

from __future__ import annotations

import asyncio
import random

import h2.events
import pytest

from tests.kit.clock import run
from tests.net.h2_kit import (
    ACK,
    CANCEL,
    CONTINUATION,
    ENHANCE_YOUR_CALM,
    GOAWAY,
    HEADERS,
    INTERNAL_ERROR,
    NO_ERROR,
    OK,
    REFUSED_STREAM,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
    LibraryAsked,
    RawAsked,
    Scribe,
    ask,
    block,
    data,
    headers,
    raw,
    settings,
    settle,
    u32,
)
from tunnel_whisperer.base.errors import Retry, Unreachable
from tunnel_whisperer.base.limits import MAX_CONCURRENT_STREAMS
from tunnel_whisperer.wire.http import RequestHead, ResponseHead

KB, MB = 1024, 1024 * 1024


def test_a_request_goes_out_as_it_was_asked_and_its_answer_comes_back() -> None:
    async def scenario() -> None:
        asked = LibraryAsked()
        scribe = Scribe()
        head = RequestHead("POST", "/tw/a?b=c", "relay.test", "https", (("x-a", "1"), ("referer", "x")))
        scribe.exchange = asked.client.request(head, scribe)
        scribe.exchange.send_body(b"question")
        scribe.exchange.end_body()
        await settle()
        (request,) = asked.peer.of(h2.events.RequestReceived)
        assert request.headers == [
            (":method", "POST"),
            (":scheme", "https"),
            (":authority", "relay.test"),
            (":path", "/tw/a?b=c"),
            ("x-a", "1"),
            ("referer", "x"),
        ]
        assert asked.peer.bodies[1] == b"question" and asked.peer.of(h2.events.StreamEnded)
        asked.respond(1, (*OK, ("x-b", "2")))
        asked.peer.send(1, b"answer", end=True)
        await settle()
        assert scribe.response == ResponseHead(200, (("x-b", "2"),))
        assert scribe.body == b"answer" and scribe.ended and scribe.lost == [None]
        assert asked.client.open_exchanges == 0 and asked.client.can_request
        asked.near.abort()

    run(scenario())


@pytest.mark.parametrize(
    "pipe", [{}, {"latency_s": 0.02}, {"chunk_bytes": 1}, {"chunk_bytes": 1009}], ids=str
)
def test_bodies_stream_in_both_directions_at_once(pipe: dict[str, float]) -> None:
    size = 60 * KB if pipe.get("chunk_bytes") == 1 else 3 * MB

    async def scenario() -> None:
        asked = LibraryAsked(**pipe)
        scribe = ask(asked.client, "POST")
        await asyncio.sleep(0.1)
        asked.respond(1)
        up, down = random.Random(1).randbytes(size), random.Random(2).randbytes(size)
        for at in range(0, size, 50_000):
            scribe.exchange.send_body(up[at : at + 50_000])
            asked.peer.send(1, down[at : at + 50_000])
            await asyncio.sleep(0.001)
        scribe.exchange.end_body()
        asked.peer.send(1, b"", end=True)
        await asyncio.sleep(20)
        assert asked.peer.bodies[1] == up and scribe.body == down
        assert scribe.lost == [None] and scribe.progressed > 0
        asked.near.abort()

    run(scenario())


def test_interim_responses_are_passed_over() -> None:
    async def scenario() -> None:
        asked = LibraryAsked()
        scribe = ask(asked.client, end=True)
        await settle()
        for status in ("100", "103"):
            asked.peer.h2.send_headers(1, [(":status", status)])
        asked.respond(1, ((":status", "204"),), end=True)
        await settle()
        assert scribe.response == ResponseHead(204) and scribe.lost == [None]
        asked.near.abort()

    run(scenario())


def test_trailers_of_a_response_end_its_body() -> None:
    async def scenario() -> None:
        asked = LibraryAsked()
        scribe = ask(asked.client, end=True)
        await settle()
        asked.respond(1)
        asked.peer.send(1, b"body")
        asked.peer.h2.send_headers(1, [("x-sum", "1")], end_stream=True)
        asked.peer.flush()
        await settle()
        assert scribe.body == b"body" and scribe.ended and scribe.lost == [None]
        asked.near.abort()

    run(scenario())


def test_a_head_of_the_answer_may_come_in_pieces() -> None:
    async def scenario() -> None:
        asked = RawAsked()
        scribe = ask(asked.client)
        whole = block((*OK, ("x-pad", "X" * 3000)))
        await asked.send(raw(HEADERS, 0, 1, whole[:100]), raw(CONTINUATION, 4, 1, whole[100:]))
        assert scribe.response == ResponseHead(200, (("x-pad", "X" * 3000),))
        asked.near.abort()

    run(scenario())


def test_an_answer_with_a_head_too_long_loses_its_exchange_alone() -> None:
    async def scenario() -> None:
        asked = RawAsked()
        first, second = ask(asked.client), ask(asked.client)
        whole = block((*OK, ("x-pad", "X" * 13_000)))
        await asked.send(raw(HEADERS, 4, 1, whole), headers(3, OK, end=True))
        assert first.fault.code == "bad-http" and second.response == ResponseHead(200)
        asked.near.abort()

    run(scenario())


# -- flow control ----------------------------------------------------------------------------------


def test_an_answer_that_is_not_handed_on_holds_the_server_at_the_window() -> None:
    async def scenario() -> None:
        asked = LibraryAsked()
        scribe = ask(asked.client, acknowledges=False)
        await settle()
        asked.respond(1)
        asked.peer.send(1, bytes(17 * MB))
        await asyncio.sleep(5)
        assert len(scribe.body) == 16 * MB
        scribe.exchange.acknowledge(16 * MB)
        await asyncio.sleep(5)
        assert len(scribe.body) == 17 * MB
        asked.near.abort()

    run(scenario())


def test_answers_that_are_stuck_leave_their_neighbours_a_window() -> None:
    """Five of 16 MiB are more than the connection's 64 MiB."""

    async def scenario() -> None:
        asked = RawAsked(window_bytes=4 * MB)
        stuck = [ask(asked.client, acknowledges=False) for _ in range(5)]
        free = ask(asked.client)
        for stream in range(1, 11, 2):
            await asked.send(headers(stream, OK))
            for _ in range(16):
                await asked.send(data(stream, bytes(256 * KB)) * 4)
        await asked.send(headers(11, OK), data(11, b"through", end=True))
        assert free.body == b"through" and free.ended
        assert [len(scribe.body) for scribe in stuck] == [16 * MB] * 5
        assert not asked.peer.goaways
        asked.near.abort()

    run(scenario())


def test_bytes_of_an_exchange_that_was_given_up_are_given_back() -> None:
    async def scenario() -> None:
        asked = RawAsked(window_bytes=4 * MB)
        for n in range(6):
            scribe = ask(asked.client, acknowledges=False)
            await asked.send(headers(2 * n + 1, OK))
            for _ in range(8):
                await asked.send(data(2 * n + 1, bytes(256 * KB)) * 4)
            scribe.exchange.reset()
            for _ in range(8):  # these were under way
                await asked.send(data(2 * n + 1, bytes(256 * KB)) * 4)
        assert asked.peer.credit(0) + 65535 - 6 * 16 * MB >= 48 * MB
        assert asked.peer.resets == [(2 * n + 1, CANCEL) for n in range(6)]
        asked.near.abort()

    run(scenario())


def test_a_stuck_upload_does_not_stall_its_neighbour() -> None:
    async def scenario() -> None:
        asked = RawAsked(greeting=settings((4, 1000)) + raw(SETTINGS, ACK))
        await settle()
        stuck, free = ask(asked.client, "POST"), ask(asked.client, "POST")
        stuck.exchange.send_body(bytes(50_000))
        free.exchange.send_body(b"through")
        free.exchange.end_body()
        await settle()
        assert len(asked.peer.body(1)) == 1000 and asked.peer.body(3) == b"through"
        assert stuck.exchange.unsent_bytes == 49_000
        asked.near.abort()

    run(scenario())


def test_ends_of_bodies_need_no_window() -> None:
    async def scenario() -> None:
        asked = RawAsked(greeting=settings((4, 1 << 20)) + raw(SETTINGS, ACK))
        await settle()
        big = ask(asked.client, "POST")
        big.exchange.send_body(bytes(100_000))
        await settle()
        assert len(asked.peer.body(1)) == 65535, "the connection's window is used up"
        ask(asked.client, "POST").exchange.end_body()
        await settle()
        assert [frame.flags for frame in asked.peer.frames(0, 3)] == [1]
        await asked.send(raw(WINDOW_UPDATE, 0, 0, u32(100_000)))
        assert len(asked.peer.body(1)) == 100_000
        asked.near.abort()

    run(scenario())


# -- how many, and refusals ------------------------------------------------------------------------


def has_room(asked: RawAsked) -> bool:
    return asked.client.can_request


def test_before_settings_arrive_a_hundred_requests_may_start() -> None:
    async def scenario() -> None:
        asked = RawAsked(greeting=b"")
        for _ in range(100):
            assert has_room(asked)
            ask(asked.client)
        assert not has_room(asked)
        with pytest.raises(Unreachable, match="no room") as refusal:
            ask(asked.client)
        assert refusal.value.code == "too-many"
        await asked.send(settings())
        assert has_room(asked), "no limit was named"
        for _ in range(MAX_CONCURRENT_STREAMS - 100):
            ask(asked.client)
        assert not has_room(asked), "our own limit"
        asked.near.abort()

    run(scenario())


def test_the_server_s_limit_is_kept_and_may_change() -> None:
    async def scenario() -> None:
        asked = RawAsked(greeting=settings((3, 2)))
        await settle()
        ask(asked.client)
        ask(asked.client)
        assert not has_room(asked)
        await asked.send(settings((3, 3)))
        assert has_room(asked)
        await asked.send(settings((3, 0)))
        assert not has_room(asked)
        await asked.send(settings((3, 2)), headers(1, OK, end=True))
        assert not has_room(asked), "our own direction is still open"
        await asked.send(raw(RST_STREAM, 0, 1, u32(NO_ERROR)))
        assert has_room(asked)
        asked.near.abort()

    run(scenario())


@pytest.mark.parametrize(
    ("code", "retry"),
    [
        (REFUSED_STREAM, Retry.NOW),
        (CANCEL, Retry.BACKOFF),
        (INTERNAL_ERROR, Retry.BACKOFF),
        (999, Retry.BACKOFF),
    ],
)
def test_a_reset_tells_whether_to_try_again_at_once(code: int, retry: Retry) -> None:
    async def scenario() -> None:
        asked = RawAsked()
        scribe = ask(asked.client, "POST")
        await asked.send(raw(RST_STREAM, 0, 1, u32(code)))
        assert scribe.fault.code == "stream-reset" and scribe.fault.retry is retry
        assert asked.client.open_exchanges == 0
        scribe.exchange.send_body(b"into the void")
        scribe.exchange.acknowledge(7)
        scribe.exchange.end_body()
        scribe.exchange.reset()
        await settle()
        assert not asked.peer.resets and not asked.peer.body(1)
        asked.near.abort()

    run(scenario())


def test_goaway_lets_running_exchanges_end_and_loses_those_that_were_not_taken() -> None:
    async def scenario() -> None:
        asked = RawAsked()
        taken, not_taken = ask(asked.client, end=True), ask(asked.client, end=True)
        await asked.send(headers(1, OK), raw(GOAWAY, 0, 0, u32(1, NO_ERROR)))
        assert not asked.client.can_request
        assert not_taken.fault.code == "link-lost" and not_taken.fault.retry is Retry.NOW
        with pytest.raises(Unreachable) as refusal:
            ask(asked.client)
        assert refusal.value.code == "link-lost"
        assert not taken.lost and not asked.peer.eof
        await asked.send(data(1, b"to the end", end=True))
        assert taken.body == b"to the end" and taken.lost == [None]
        await asked.peer.got_eof()  # nobody else would close it

    run(scenario())


def test_goaway_in_two_steps() -> None:
    """RFC 9113 section 6.8: first with the highest number, then with the real one."""

    async def scenario() -> None:
        asked = RawAsked()
        first, second = ask(asked.client, end=True), ask(asked.client, end=True)
        await asked.send(raw(GOAWAY, 0, 0, u32(0x7FFFFFFF, NO_ERROR)))
        assert not first.lost and not second.lost and not asked.client.can_request
        await asked.send(raw(GOAWAY, 0, 0, u32(1, NO_ERROR)), headers(1, OK, end=True))
        assert first.lost == [None] and second.fault.retry is Retry.NOW
        await asked.peer.got_eof()

    run(scenario())


def test_goaway_with_a_fault_is_not_tried_again_at_once() -> None:
    async def scenario() -> None:
        asked = RawAsked()
        scribe = ask(asked.client)
        await asked.send(raw(GOAWAY, 0, 0, u32(0, ENHANCE_YOUR_CALM) + b"too_many_pings"))
        assert scribe.fault.code == "link-lost" and scribe.fault.retry is Retry.BACKOFF

    run(scenario())


def test_close_without_exchanges_says_goodbye_and_ends() -> None:
    async def scenario() -> None:
        asked = LibraryAsked()
        await settle()
        asked.client.close()
        assert not asked.client.can_request
        await settle()
        (goaway,) = asked.peer.of(h2.events.ConnectionTerminated)
        assert goaway.error_code == NO_ERROR and asked.peer.lost

    run(scenario())


def test_abort_tells_the_handlers_later_not_from_inside() -> None:
    async def scenario() -> None:
        asked = RawAsked()
        scribe = ask(asked.client)
        await settle()
        asked.client.abort()
        assert not scribe.lost
        await settle()
        assert scribe.fault.code == "link-lost"
        assert not asked.client.can_request
        asked.client.abort()
        asked.client.close()

    run(scenario())


def test_a_request_reset_at_once_is_opened_and_cancelled_in_that_order() -> None:
    async def scenario() -> None:
        asked = LibraryAsked()
        scribe = ask(asked.client, "POST")
        scribe.exchange.send_body(b"never mind")
        scribe.exchange.reset()
        await settle()
        assert asked.peer.of(h2.events.RequestReceived)
        (reset,) = asked.peer.of(h2.events.StreamReset)
        assert reset.error_code == CANCEL and not asked.peer.bodies
        assert not scribe.lost
        asked.near.abort()

    run(scenario())


def test_late_answers_to_thousands_of_requests_given_up_do_no_harm() -> None:
    """More than we remember; a slow path may hold the answers for long."""

    async def scenario() -> None:
        asked = RawAsked()
        await settle()
        for _ in range(3000):
            ask(asked.client).exchange.reset()
            await settle(2)
        assert len(asked.peer.resets) == 3000
        for n in range(3000):
            asked.peer.send(headers(2 * n + 1, OK), data(2 * n + 1, b"late"), data(2 * n + 1, b"", end=True))
            await settle(2)
        assert not asked.peer.goaways
        scribe = ask(asked.client)
        await asked.send(headers(6001, OK))
        assert scribe.response == ResponseHead(200)
        asked.near.abort()

    run(scenario())


def test_a_handler_may_reset_from_inside_its_own_body() -> None:
    async def scenario() -> None:
        asked = RawAsked()
        scribe = ask(asked.client, acknowledges=False)
        scribe.on_body = lambda _: scribe.exchange.reset()
        await asked.send(headers(1, OK), data(1, bytes(1000)) + data(1, b"more", end=True))
        assert len(scribe.body) == 1000 and not scribe.ended and not scribe.lost
        assert asked.peer.resets == [(1, CANCEL)]
        asked.near.abort()

    run(scenario())
