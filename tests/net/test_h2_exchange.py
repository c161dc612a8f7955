"""An exchange's send queue and receive window, with our client and our server at both ends."""

from __future__ import annotations

import asyncio
import random

import pytest

from tests.kit.clock import run
from tests.net.h2_kit import Door, Pair, Scribe, answer_ok, ask, echo, open_ok, settle
from tunnel_whisperer.base.errors import Retry
from tunnel_whisperer.wire.http import ResponseHead

KB, MB = 1024, 1024 * 1024


@pytest.mark.parametrize(
    "pipe",
    [{}, {"latency_s": 0.05}, {"chunk_bytes": 777}, {"window_bytes": 5000}, {"window_bytes": 4 * MB}],
    ids=str,
)
def test_what_goes_in_comes_out_in_both_directions(pipe: dict[str, float]) -> None:
    async def scenario() -> None:
        pair = Pair(Door(echo), **pipe)
        draw = random.Random(3)
        asked = [(ask(pair.client, "POST"), draw.randbytes(draw.randrange(1, 2 * MB))) for _ in range(5)]
        for scribe, body in asked:
            at = 0
            while at < len(body):
                size = draw.choice((1, 100, 20_000, 300_000))
                scribe.exchange.send_body(body[at : at + size])
                at += size
            scribe.exchange.end_body()
        await asyncio.sleep(300)
        for scribe, body in asked:
            assert scribe.body == body and scribe.lost == [None]
        assert all(scribe.lost == [None] for scribe in pair.door.scribes)
        assert pair.client.open_exchanges == pair.server.open_exchanges == 0
        pair.client.close()

    run(scenario())


def test_progress_is_told_when_bytes_left_and_never_from_inside_send_body() -> None:
    async def scenario() -> None:
        pair = Pair(Door(open_ok))
        scribe = ask(pair.client, "POST")
        scribe.exchange.send_body(bytes(1000))
        assert scribe.progressed == 0 and scribe.exchange.unsent_bytes == 1000
        await settle()
        assert scribe.progressed == 1 and scribe.exchange.unsent_bytes == 0
        scribe.exchange.end_body()
        await settle()
        assert scribe.progressed == 2
        pair.client.abort()

    run(scenario())


def test_a_writer_may_refill_from_inside_progress() -> None:
    async def scenario() -> None:
        pair = Pair(Door(answer_ok))
        scribe = ask(pair.client, "POST")
        left = [b"x" * 70_000] * 20

        def refill() -> None:
            if left:
                scribe.exchange.send_body(left.pop())
            else:
                scribe.exchange.end_body()

        scribe.body_progressed = refill  # type: ignore[method-assign]
        refill()
        await asyncio.sleep(5)
        assert len(pair.door.scribes[0].body) == 20 * 70_000 and scribe.lost == [None]
        pair.client.close()

    run(scenario())


def test_the_server_s_window_is_narrow_until_it_is_widened() -> None:
    async def scenario() -> None:
        pair = Pair(Door(open_ok, acknowledges=False))
        scribe = ask(pair.client, "POST")
        scribe.exchange.send_body(bytes(20 * MB))
        await asyncio.sleep(1)
        served = pair.door.scribes[0]
        assert len(served.body) == 64 * KB
        served.exchange.grow_window(16 * MB)
        served.exchange.grow_window(1 * MB)  # never shrinks
        await asyncio.sleep(1)
        assert len(served.body) == 16 * MB
        served.exchange.acknowledge(16 * MB)
        await asyncio.sleep(1)
        assert len(served.body) == 20 * MB
        pair.client.abort()

    run(scenario())


def test_a_reset_travels_and_its_neighbours_stay() -> None:
    async def scenario() -> None:
        pair = Pair(Door(open_ok))
        gone, stays = ask(pair.client, "POST"), ask(pair.client, "POST")
        gone.exchange.send_body(bytes(30_000))
        await settle()
        gone.exchange.reset()
        stays.exchange.send_body(b"here")
        await settle()
        assert pair.door.scribes[0].fault.code == "stream-reset"
        assert pair.door.scribes[0].fault.retry is Retry.BACKOFF
        assert pair.door.scribes[1].body == b"here"
        pair.door.scribes[1].exchange.reset()
        await settle()
        assert stays.fault.code == "stream-reset" and not gone.lost
        pair.client.abort()

    run(scenario())


def test_calls_on_an_exchange_that_is_over_are_harmless() -> None:
    async def scenario() -> None:
        pair = Pair(Door(answer_ok))
        scribe = ask(pair.client, end=True)
        await settle()
        assert scribe.lost == [None]
        for exchange in (scribe.exchange, pair.door.scribes[0].exchange):
            exchange.send_body(b"x")
            exchange.end_body()
            exchange.acknowledge(5)
            exchange.grow_window(1 << 25)
            exchange.respond(ResponseHead(200))
            exchange.reset()
            assert exchange.unsent_bytes == 0
        await settle()
        assert pair.client.can_request
        pair.client.close()

    run(scenario())


def test_a_second_response_is_a_fault_of_the_caller() -> None:
    async def scenario() -> None:
        pair = Pair(Door(open_ok))
        ask(pair.client, "POST")
        await settle()
        with pytest.raises(AssertionError, match="second response"):
            pair.door.scribes[0].exchange.respond(ResponseHead(200))
        pair.client.abort()

    run(scenario())


def test_a_bare_answer_and_a_bare_request_are_an_exchange() -> None:
    async def scenario() -> None:
        pair = Pair(Door(answer_ok))
        scribes = [ask(pair.client, end=True) for _ in range(50)]
        await settle()
        assert [scribe.lost for scribe in scribes] == [[None]] * 50
        assert all(isinstance(scribe.response, ResponseHead) for scribe in scribes)
        pair.client.close()

    run(scenario())


def test_one_end_may_be_long_gone_before_the_other_ends() -> None:
    async def scenario() -> None:
        def answer(scribe: Scribe) -> None:
            scribe.exchange.respond(ResponseHead(200))
            scribe.exchange.end_body()

        pair = Pair(Door(answer))
        scribe = ask(pair.client, "POST")
        await settle()
        assert scribe.ended and not scribe.lost
        scribe.exchange.send_body(bytes(500 * KB))
        scribe.exchange.end_body()
        await asyncio.sleep(1)
        assert scribe.lost == [None] and len(pair.door.scribes[0].body) == 500 * KB
        pair.client.close()

    run(scenario())
