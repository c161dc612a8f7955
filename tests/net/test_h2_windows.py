"""Bounds on a peer: windows, allowances, and what a connection does when they are passed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.kit.clock import run
from tests.net.h2_kit import (
    ACK,
    CANCEL,
    CONTINUATION,
    ENHANCE_YOUR_CALM,
    GET,
    GOAWAY,
    HEADERS,
    OK,
    PING,
    POST,
    PRIORITY,
    RST_STREAM,
    SETTINGS,
    STREAM_CLOSED,
    WINDOW_UPDATE,
    Door,
    RawAsked,
    RawServed,
    answer_ok,
    ask,
    block,
    data,
    headers,
    open_ok,
    raw,
    settings,
    settle,
    u32,
)
from tunnel_whisperer.base.limits import (
    IDLE_FRAMES_BURST,
    IDLE_FRAMES_PER_S,
    MAX_REMEMBERED_RESETS,
    MAX_SETTINGS_PER_FRAME,
    MAX_WAITING_CONTROL_BYTES,
    MAX_WAITING_CONTROL_FRAMES,
    RESETS_BURST,
    RESETS_PER_S,
)
from tunnel_whisperer.net.h2_frames import H2Fault
from tunnel_whisperer.net.h2_windows import Allowance, PeerBounds, ReceiveWindow

# -- windows ---------------------------------------------------------------------------------------


@given(st.integers(0, 1 << 20), st.lists(st.integers(0, 40_000), max_size=60), st.randoms())
def test_a_window_is_never_overrun_and_never_starves(start: int, sizes: list[int], draw: object) -> None:
    target = 65_536
    window = ReceiveWindow(target, start)
    credit = start + window.acknowledge(0)
    held = 0
    for size in sizes:
        size = min(size, credit)
        assert window.receive(size)
        credit, held = credit - size, held + size
        given_back = min(held, size * 3 // 2)
        credit += window.acknowledge(given_back)
        held -= given_back
        assert window.unacknowledged == held
        assert credit + held <= max(target, start), "more may be under way than was meant"
        assert credit + held > target - target // 8, "credit is kept back"
    assert not window.receive(credit + 1)


def test_credit_is_given_back_in_eighths() -> None:
    window = ReceiveWindow(8000)
    window.receive(3000)
    assert window.acknowledge(999) == 0
    assert window.acknowledge(1) == 1000
    assert window.acknowledge(2000) == 2000


def test_a_window_only_grows() -> None:
    window = ReceiveWindow(1000)
    window.receive(400)
    assert window.grow(500) == 0 and window.target == 1000
    assert window.grow(3000) == 2000
    assert window.acknowledge(400) == 400


def test_acknowledging_what_never_came_is_a_fault_of_ours() -> None:
    window = ReceiveWindow(1000)
    window.receive(10)
    with pytest.raises(AssertionError):
        window.acknowledge(11)


# -- allowances ------------------------------------------------------------------------------------


def test_an_allowance_is_a_burst_and_then_a_rate() -> None:
    allowance = Allowance(5, 2, 100)
    assert [allowance.use(100) for _ in range(6)] == [True] * 5 + [False]
    allowance = Allowance(5, 2, 100)
    used = sum(allowance.use(100 + n / 100) for n in range(1000))
    assert used == pytest.approx(5 + 2 * 10, abs=1)


def test_an_allowance_never_holds_more_than_its_burst() -> None:
    allowance = Allowance(5, 2, 0)
    allowance.earn(100)
    assert sum(allowance.use(0) for _ in range(7)) == 5


def test_the_oldest_ignored_stream_is_forgotten_first() -> None:
    bounds = PeerBounds(0)
    for stream in range(1, 2 * MAX_REMEMBERED_RESETS + 3, 2):
        bounds.remember_ignored(stream)
    assert not bounds.is_ignored(1) and bounds.is_ignored(3)


def test_more_streams_are_remembered_than_may_be_reset_at_once() -> None:
    assert MAX_REMEMBERED_RESETS >= RESETS_BURST


def test_a_peer_has_a_window_update_for_each_2_kib_of_ours() -> None:
    bounds = PeerBounds(0)
    for _ in range(IDLE_FRAMES_BURST):
        bounds.count_idle_frame(0)
    bounds.count_sent(200 * 1024)
    for _ in range(102):
        bounds.count_idle_frame(0)
    with pytest.raises(H2Fault):
        bounds.count_idle_frame(0)


# -- floods ----------------------------------------------------------------------------------------

FLOODS = {
    "PING": raw(PING, 0, 0, bytes(8)),
    "PING answers": raw(PING, ACK, 0, bytes(8)),
    "SETTINGS": settings(),
    "SETTINGS answers": raw(SETTINGS, ACK),
    "PRIORITY": raw(PRIORITY, 0, 1, bytes(5)),
    "empty DATA": raw(0, 0, 1),
    "padded and empty DATA": raw(0, 8, 1, b"\x00"),
    "WINDOW_UPDATE": raw(WINDOW_UPDATE, 0, 0, u32(1)),
    "WINDOW_UPDATE of a stream": raw(WINDOW_UPDATE, 0, 1, u32(1)),
    "unknown frames": raw(0x42),
    "GOAWAY": raw(GOAWAY, 0, 0, bytes(8)),
    "DATA of a stream that is over": raw(0, 0, 3, b"x"),
}


@pytest.mark.parametrize("name", [name for name in FLOODS if name != "padded and empty DATA"])
def test_a_flood_of_frames_that_carry_nothing_ends_the_connection(name: str) -> None:
    async def scenario() -> None:
        served = RawServed(Door(open_ok), window_bytes=1 << 20)
        await served.send(headers(1, POST), headers(3, POST), raw(RST_STREAM, 0, 3, u32(CANCEL)))
        for _ in range(IDLE_FRAMES_BURST // 1000 + 1):
            await served.send(FLOODS[name] * 1000)
        assert [code for _, code in served.peer.goaways] == [ENHANCE_YOUR_CALM]
        await served.peer.got_eof()

    run(scenario())


@pytest.mark.parametrize("name", FLOODS)
def test_as_much_as_busy_peers_send_is_no_flood(name: str) -> None:
    async def scenario() -> None:
        served = RawServed(Door(open_ok), window_bytes=1 << 20)
        await served.send(headers(1, POST), headers(3, POST), raw(RST_STREAM, 0, 3, u32(CANCEL)))
        for _ in range(100):
            await served.send(FLOODS[name] * (IDLE_FRAMES_PER_S // 2))
            await asyncio.sleep(0.5)
        assert not served.peer.goaways
        served.near.abort()

    run(scenario())


def test_rapid_reset_ends_the_connection() -> None:
    """CVE-2023-44487: a hundred per second are allowed, and a thousand at once."""

    async def scenario() -> None:
        served = RawServed(Door(open_ok), window_bytes=1 << 20)
        opened = 0
        for _ in range(RESETS_BURST // 10 + 1):
            await served.send(
                *(
                    headers(2 * (opened + n) + 1, GET, end=True)
                    + raw(RST_STREAM, 0, 2 * (opened + n) + 1, u32(CANCEL))
                    for n in range(10)
                )
            )
            opened += 10
        assert [code for _, code in served.peer.goaways] == [ENHANCE_YOUR_CALM]
        assert len(served.door.scribes) <= RESETS_BURST + 1

    run(scenario())


def test_resets_of_a_busy_proxy_are_no_attack() -> None:
    async def scenario() -> None:
        served = RawServed(Door(open_ok), window_bytes=1 << 20)
        for n in range(3000):
            await served.send(headers(2 * n + 1, GET, end=True), raw(RST_STREAM, 0, 2 * n + 1, u32(CANCEL)))
            await asyncio.sleep(1 / RESETS_PER_S)
        assert not served.peer.goaways
        served.near.abort()

    run(scenario())


LONG_HEAD = block((*GET, ("x", "v" * 13_000)))


@pytest.mark.parametrize(
    "attack",
    [
        lambda stream: headers(stream, GET[1:], end=True),
        lambda stream: headers(stream, GET, end=True) + data(stream, b"x"),
        lambda stream: headers(stream, GET) + raw(WINDOW_UPDATE, 0, stream, u32(0)),
        lambda stream: raw(HEADERS, 0, stream, LONG_HEAD) + raw(CONTINUATION, 4, stream),
    ],
    ids=["malformed", "body after its end", "window", "head too long"],
)
def test_streams_that_a_peer_makes_us_reset_are_counted_too(attack: Callable[[int], bytes]) -> None:
    """CVE-2025-8671."""

    async def scenario() -> None:
        served = RawServed(Door(open_ok), window_bytes=1 << 20)
        for n in range(0, RESETS_BURST + 11, 11):
            await served.send(*(attack(2 * (n + k) + 1) for k in range(11)))
        assert [code for _, code in served.peer.goaways] == [ENHANCE_YOUR_CALM]
        served.near.close()

    run(scenario())


def test_late_frames_of_many_streams_that_are_over_cost_a_good_peer_nothing() -> None:
    """Our own resets, 2000 of them, and frames that were under way: more than we remember."""

    async def scenario() -> None:
        served = RawServed(Door(open_ok), window_bytes=1 << 20)
        for n in range(2000):
            await served.send(headers(2 * n + 1, POST))
            served.door.scribes[-1].exchange.reset()
        await settle()
        for n in range(2000):
            await served.send(data(2 * n + 1, b"late"), raw(WINDOW_UPDATE, 0, 2 * n + 1, u32(1)))
        assert not served.peer.goaways
        assert {code for _, code in served.peer.resets[2000:]} == {STREAM_CLOSED}
        served.near.abort()

    run(scenario())


def test_settings_in_great_number_end_the_connection() -> None:
    async def scenario() -> None:
        served = RawServed(Door(open_ok))
        await served.send(settings(*[(4, n) for n in range(MAX_SETTINGS_PER_FRAME)]))
        assert not served.peer.goaways
        await served.send(settings(*[(0x99, n) for n in range(MAX_SETTINGS_PER_FRAME + 1)]))
        assert served.peer.goaways == [(0, ENHANCE_YOUR_CALM)]

    run(scenario())


def test_answers_that_nobody_reads_are_bounded() -> None:
    """CVE-2019-9512 and its kin: ask, and do not read."""

    async def scenario() -> None:
        for question in (raw(PING, 0, 0, bytes(8)), settings()):
            served = RawServed(Door(open_ok), window_bytes=1 << 20)
            await served.send(headers(1, POST))
            served.server.pause_writing()
            for _ in range(MAX_WAITING_CONTROL_FRAMES // 1000 + 2):
                await served.send(question * 1000)
            assert served.server.open_exchanges == 0
            assert served.peer.goaways[-1] == (1, ENHANCE_YOUR_CALM)
            assert served.door.scribes[0].fault.code == "bad-http"

    run(scenario())


def test_answers_with_heads_that_nobody_reads_are_bounded_in_bytes() -> None:
    async def scenario() -> None:
        served = RawServed(Door(answer_ok), window_bytes=1 << 20)
        await settle()
        served.server.pause_writing()
        put = served.server._out.put
        held = 0

        def count(frame: bytes) -> bool:
            nonlocal held
            held += len(frame)
            return put(frame + bytes(2000 - len(frame)) if len(frame) < 100 else frame)

        served.server._out.put = count  # type: ignore[method-assign]
        for n in range(MAX_WAITING_CONTROL_BYTES // 2000 + 2):
            await served.send(headers(2 * n + 1, GET, end=True))
        assert served.server.open_exchanges == 0 and held < MAX_WAITING_CONTROL_BYTES
        served.near.abort()

    run(scenario())


def test_windows_of_one_byte_cost_us_no_more_than_the_peer() -> None:
    async def scenario() -> None:
        greeting = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + settings((4, 0))
        served = RawServed(Door(open_ok), greeting=greeting)
        await served.send(headers(1, GET, end=True))
        served.door.scribes[0].exchange.send_body(bytes(100_000))
        before = len(served.peer.received)
        for _ in range(1000):
            await served.send(raw(WINDOW_UPDATE, 0, 1, u32(1)))
        assert len(served.peer.received) - before == 1000 * 10
        served.near.abort()

    run(scenario())


def test_a_server_can_flood_no_more_than_a_client() -> None:
    async def scenario() -> None:
        asked = RawAsked(window_bytes=1 << 20)
        scribe = ask(asked.client)
        for _ in range(IDLE_FRAMES_BURST // 1000 + 1):
            await asked.send(headers(1, ((":status", "103"),)) * 1000)
        assert asked.peer.goaways == [(0, ENHANCE_YOUR_CALM)] and scribe.fault.code == "bad-http"
        asked.near.close()

    run(scenario())


def test_a_client_that_answers_nothing_holds_what_was_promised_and_no_more() -> None:
    """OK heads beyond the streams that are open are late ones; their bodies are dropped."""

    async def scenario() -> None:
        asked = RawAsked(window_bytes=1 << 20)
        scribe = ask(asked.client, acknowledges=False)
        await asked.send(headers(1, OK), data(1, bytes(100_000)))
        scribe.exchange.reset()
        for _ in range(20):
            await asked.send(data(1, bytes(100_000)) * 5)
        assert len(scribe.body) == 100_000 and not asked.peer.goaways
        asked.near.abort()

    run(scenario())
