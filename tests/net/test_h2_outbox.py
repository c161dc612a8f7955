"""What leaves, and in which order."""

from __future__ import annotations

from typing import Any

import pytest

from tests.net.h2_kit import END_STREAM, PING, data, raw
from tunnel_whisperer.base.limits import (
    MAX_WAITING_CONTROL_BYTES,
    MAX_WAITING_CONTROL_FRAMES,
    TURN_BYTES,
)
from tunnel_whisperer.net.h2_exchange import H2Exchange
from tunnel_whisperer.net.h2_frames import ErrorCode
from tunnel_whisperer.net.h2_outbox import Outbox
from tunnel_whisperer.wire.http import ResponseHead

BIG = 1 << 20


class Owner:
    """A connection that only passes exchanges on to an outbox."""

    def __init__(self) -> None:
        self.out = Outbox()
        self.out.window = 1 << 30
        self.reset: list[int] = []

    def exchange(self, stream_id: int, window: int = 1 << 30) -> H2Exchange:
        return H2Exchange(self, stream_id, window, 65536)

    def has_body(self, exchange: H2Exchange) -> None:
        self.out.add(exchange)

    def give_up(self, exchange: H2Exchange, code: ErrorCode) -> None:
        self.reset.append(exchange.stream_id)
        exchange.over = True
        exchange.drop_body()

    def send_response(self, exchange: H2Exchange, head: ResponseHead, end: bool) -> None:
        raise AssertionError("not in these tests")

    def give_credit(self, exchange: H2Exchange, stream_credit: int, count: int) -> None:
        raise AssertionError("not in these tests")

    def promise(self, by: int) -> None:
        raise AssertionError("not in these tests")

    def extra_info(self, name: str, default: Any) -> Any:
        return default


def take(owner: Owner, budget: int = BIG) -> tuple[bytes, list[int]]:
    """What leaves, and which streams progressed."""
    wire, _, progressed = owner.out.take(budget)
    return bytes(wire), [exchange.stream_id for exchange in progressed]


def streams(wire: bytes) -> list[tuple[int, int]]:
    """(stream, length) of each frame."""
    found, at = [], 0
    while at < len(wire):
        size = int.from_bytes(wire[at : at + 3], "big")
        found.append((int.from_bytes(wire[at + 5 : at + 9], "big"), size))
        at += 9 + size
    return found


def test_control_frames_go_before_bodies() -> None:
    owner = Owner()
    owner.exchange(1).send_body(b"body")
    ping = raw(PING, 0, 0, bytes(8))
    assert owner.out.put(ping)
    assert take(owner) == (ping + data(1, b"body"), [1])
    assert take(owner) == (b"", [])


def test_small_pieces_are_joined_and_large_ones_cut() -> None:
    owner = Owner()
    owner.out.max_frame_bytes = 10
    exchange = owner.exchange(1)
    for piece in (b"abc", b"defg", b"hijklmnopqrstuvwxyz"):
        exchange.send_body(piece)
    exchange.end_body()
    wire, _ = take(owner)
    assert wire == data(1, b"abcdefghij") + data(1, b"klmnopqrst") + data(1, b"uvwxyz", end=True)
    assert exchange.local_ended and exchange.unsent_bytes == 0


def test_an_end_alone_is_an_empty_frame() -> None:
    owner = Owner()
    exchange = owner.exchange(1)
    exchange.end_body()
    exchange.end_body()
    assert take(owner)[0] == raw(0, END_STREAM, 1)
    assert take(owner)[0] == b""


def test_neither_window_is_overrun_and_both_must_open() -> None:
    owner = Owner()
    owner.out.window = 15
    exchange = owner.exchange(1, window=10)
    exchange.send_body(bytes(30))
    exchange.end_body()
    assert streams(take(owner)[0]) == [(1, 10)]
    assert not owner.out.body_waits
    exchange.send_window += 100
    owner.out.add(exchange)
    assert streams(take(owner)[0]) == [(1, 5)]
    assert not owner.out.body_waits, "the connection's window is used up"
    owner.out.window += 100
    wire, _ = take(owner)
    assert streams(wire) == [(1, 15)] and exchange.local_ended


def test_a_window_below_zero_holds_the_body_back() -> None:
    owner = Owner()
    exchange = owner.exchange(1, window=10)
    exchange.send_body(bytes(30))
    exchange.send_window -= 20
    assert take(owner)[0] == b"" and not exchange.is_ready


@pytest.mark.timeout(10)
def test_an_end_goes_out_though_the_window_is_below_zero() -> None:
    """It needs no window (RFC 9113 section 6.9.1); it must not be tried for ever."""
    owner = Owner()
    exchange = owner.exchange(1, window=10)
    exchange.send_body(bytes(10))
    take(owner)
    exchange.send_window -= 10
    exchange.end_body()
    assert take(owner) == (raw(0, END_STREAM, 1), [1])


def test_those_who_wait_take_turns_and_keep_their_order() -> None:
    owner = Owner()
    owner.out.max_frame_bytes = BIG
    for stream in (1, 3, 5):
        owner.exchange(stream).send_body(bytes(3 * TURN_BYTES))
    assert streams(take(owner, 4 * TURN_BYTES)[0]) == [(s, TURN_BYTES) for s in (1, 3, 5, 1)]
    assert streams(take(owner, 4 * TURN_BYTES)[0]) == [(s, TURN_BYTES) for s in (3, 5, 1, 3)]
    assert streams(take(owner, 4 * TURN_BYTES)[0]) == [(5, TURN_BYTES)]


def test_who_is_alone_takes_it_all_in_one_frame() -> None:
    owner = Owner()
    owner.out.max_frame_bytes = BIG
    owner.exchange(1).send_body(bytes(4 * TURN_BYTES))
    assert streams(take(owner, 4 * TURN_BYTES)[0]) == [(1, 4 * TURN_BYTES)]


def test_ends_go_out_when_there_is_no_room_for_bodies() -> None:
    owner = Owner()
    owner.out.window = 0
    first, second = owner.exchange(1), owner.exchange(3)
    first.send_body(b"waits")
    second.end_body()
    assert take(owner) == (raw(0, END_STREAM, 3), [3])


def test_who_was_reset_sends_nothing_more() -> None:
    owner = Owner()
    exchange = owner.exchange(1)
    exchange.send_body(b"never")
    exchange.reset()
    exchange.reset()
    exchange.send_body(b"mind")
    assert take(owner) == (b"", []) and owner.reset == [1] and not exchange.is_ready


def test_the_queue_is_bounded_in_frames_and_in_bytes() -> None:
    out = Outbox()
    assert all(out.put(b"x") for _ in range(MAX_WAITING_CONTROL_FRAMES))
    assert not out.put(b"x")
    assert len(out.take_control()) == MAX_WAITING_CONTROL_FRAMES + 1
    assert out.put(bytes(MAX_WAITING_CONTROL_BYTES))
    assert not out.put(b"x")
    out.take(0)
    assert out.put(b"x")


def test_body_after_its_end_is_a_fault_of_the_caller() -> None:
    exchange = Owner().exchange(1)
    exchange.end_body()
    with pytest.raises(AssertionError):
        exchange.send_body(b"late")
