"""One HTTP/1.1 exchange by itself: what it asks of its connection, and what it takes no more once it is over."""

from __future__ import annotations

from typing import Any

import pytest

from tunnel_whisperer.base.errors import Broken
from tunnel_whisperer.net.h1_body import BodyWriter
from tunnel_whisperer.net.h1_exchange import H1Exchange
from tunnel_whisperer.net.h1_heads import BodyKind, Framing
from tunnel_whisperer.wire.http import ResponseHead


class Owner:
    """Stands for the connection; writes down what is asked of it."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.framing = Framing(BodyKind.CHUNKED)

    def send_response(self, exchange: H1Exchange, head: ResponseHead, end: bool) -> None:
        self.calls.append(f"response {head.status}")
        exchange.writer = BodyWriter(self.framing)
        if end:
            exchange.writer.end()

    def has_body(self, exchange: H1Exchange) -> None:
        self.calls.append("body")

    def give_up(self, exchange: H1Exchange) -> None:
        self.calls.append("give up")
        exchange.finish()

    def window_changed(self) -> None:
        self.calls.append("window")

    def extra_info(self, name: str, default: Any) -> Any:
        return "a peer" if name == "peername" else default


def _exchange(framing: Framing | None = None) -> tuple[H1Exchange, Owner]:
    """With its response under way."""
    owner = Owner()
    owner.framing = framing or owner.framing
    exchange = H1Exchange(owner, "GET", 1000)
    exchange.respond(ResponseHead(200))
    owner.calls.clear()
    return exchange, owner


def test_a_body_waits_in_the_exchange_and_its_connection_is_told_of_each_piece() -> None:
    exchange, owner = _exchange()
    exchange.send_body(b"abc")
    exchange.send_body(b"de")
    assert exchange.unsent_bytes == 5
    assert owner.calls == ["body", "body"]


def test_an_empty_piece_is_nothing() -> None:
    """An empty chunk would be the end of a chunked body (RFC 9112 section 7.1)."""
    exchange, owner = _exchange()
    exchange.send_body(b"")
    assert owner.calls == []


def test_an_end_said_twice_is_one_end() -> None:
    exchange, owner = _exchange()
    exchange.end_body()
    exchange.end_body()
    assert owner.calls == ["body"]


def test_it_has_said_all_when_only_the_end_is_left() -> None:
    exchange, _ = _exchange()
    assert not exchange.is_said
    exchange.send_body(b"abc")
    exchange.end_body()
    assert not exchange.is_said
    assert exchange.writer is not None
    exchange.writer.take(3, [])
    assert exchange.is_said


def test_before_its_head_it_has_nothing_unsent_and_has_not_said_all() -> None:
    exchange = H1Exchange(Owner(), "GET", 1000)
    assert exchange.unsent_bytes == 0
    assert not exchange.is_said


@pytest.mark.parametrize("wrong", ["body before head", "end before head", "second head", "body after end"])
def test_calls_out_of_order_are_faults_of_ours(wrong: str) -> None:
    exchange, _ = _exchange()
    early = H1Exchange(Owner(), "GET", 1000)
    with pytest.raises(AssertionError):
        match wrong:
            case "body before head":
                early.send_body(b"x")
            case "end before head":
                early.end_body()
            case "second head":
                exchange.respond(ResponseHead(200))
            case _:
                exchange.end_body()
                exchange.send_body(b"x")


def test_more_than_was_announced_is_a_fault_of_ours() -> None:
    exchange, _ = _exchange(Framing(BodyKind.LENGTH, 3))
    exchange.send_body(b"abc")
    with pytest.raises(Broken):
        exchange.send_body(b"d")


def test_acknowledging_lets_the_connection_look_at_the_window_again() -> None:
    exchange, owner = _exchange()
    exchange.unacknowledged = 700
    exchange.acknowledge(300)
    assert exchange.unacknowledged == 400
    assert owner.calls == ["window"]


def test_a_window_grows_and_never_shrinks() -> None:
    exchange, owner = _exchange()
    exchange.grow_window(500)
    assert exchange.window_bytes == 1000
    assert owner.calls == []
    exchange.grow_window(5000)
    assert exchange.window_bytes == 5000
    assert owner.calls == ["window"]


def test_a_reset_gives_the_connection_up_once() -> None:
    exchange, owner = _exchange()
    exchange.reset()
    exchange.reset()
    assert owner.calls == ["give up"]


def test_an_exchange_that_is_over_takes_nothing_and_asks_for_nothing() -> None:
    exchange, owner = _exchange()
    exchange.send_body(b"never sent")
    owner.calls.clear()
    exchange.finish()
    assert exchange.unsent_bytes == 0
    exchange.respond(ResponseHead(500))
    exchange.send_body(b"x")
    exchange.end_body()
    exchange.reset()
    exchange.acknowledge(1)
    exchange.grow_window(9999)
    assert owner.calls == []
    assert exchange.window_bytes == 1000


def test_extra_info_is_that_of_the_connection() -> None:
    exchange, _ = _exchange()
    assert exchange.get_extra_info("peername") == "a peer"
    assert exchange.get_extra_info("else", 7) == 7
