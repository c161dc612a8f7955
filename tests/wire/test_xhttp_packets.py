"""Cutting, numbering, pacing and repeating the packets of an upload."""

from __future__ import annotations

import random
from collections import deque
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.wire.pair import draw
from tunnel_whisperer.base.limits import MAX_BUFFERED_POSTS, MAX_POST_BYTES
from tunnel_whisperer.wire.http import header
from tunnel_whisperer.wire.xhttp_events import EndBody, Event, OpenRequest, SendBody
from tunnel_whisperer.wire.xhttp_heads import RequestHeads
from tunnel_whisperer.wire.xhttp_packets import PacketSender


class Wire:
    """A sender and what it asked for: number, sequence number, body and end mark of each POST."""

    def __init__(self, *, posts: int = 1000, interval_s: float = 0.0) -> None:
        self.events: deque[Event] = deque()
        numbers = count()
        heads = RequestHeads(
            prefix="/p/",
            query="",
            authority="h.test",
            scheme="https",
            session_id="sid",
            http_version="2",
            draw=draw,
            extra=(),
        )
        self.sender = PacketSender(
            heads, self.events, lambda: next(numbers), posts=posts, interval_s=interval_s
        )

    def posts(self) -> list[tuple[int, int, bytes, bool]]:
        """The POSTs started since the last call; each must be complete and consistent."""
        started = []
        while self.events:
            opened = self.events.popleft()
            assert isinstance(opened, OpenRequest)
            head, body = opened.head, b""
            if not opened.end:
                sent, ended = self.events.popleft(), self.events.popleft()
                assert isinstance(sent, SendBody) and isinstance(ended, EndBody)
                assert sent.request_id == ended.request_id == opened.request_id
                body = sent.data
                assert body
            assert head.method == "POST"
            assert header(head.headers, "content-length") == str(len(body))
            assert len(body) <= MAX_POST_BYTES
            path, _, seq = head.target.rpartition("/")
            assert path == "/p/sid"
            last = header(head.headers, "x-end") == "1"
            assert last == (body == b"")
            started.append((opened.request_id, int(seq), body, last))
        return started

    def write(self, data: bytes, now: float = 0.0) -> None:
        self.sender.write(data)
        self.sender.pump(now)


def test_the_first_bytes_leave_at_once() -> None:
    wire = Wire()
    wire.write(b"header")
    assert wire.posts() == [(0, 0, b"header", False)]
    assert wire.sender.unsent_bytes == 6
    wire.sender.sent(0)
    assert wire.sender.unsent_bytes == 0
    assert wire.sender.requests == [0]
    wire.sender.answered(0)
    assert wire.sender.idle


def test_what_is_written_while_all_posts_are_out_goes_into_the_next_one() -> None:
    wire = Wire(posts=2)
    for piece in (b"a", b"b", b"c", b"d", b"e"):
        wire.write(piece)
    assert [post[2] for post in wire.posts()] == [b"a", b"b"]
    assert wire.sender.deadline is None  # time does not help
    wire.sender.answered(1)
    wire.sender.pump(0.0)
    assert wire.posts() == [(2, 2, b"cde", False)]
    assert wire.sender.requests == [0, 2]


def test_posts_keep_their_distance() -> None:
    wire = Wire(interval_s=0.03)
    wire.write(b"a", 5.0)
    wire.write(b"b", 5.01)
    assert [post[2] for post in wire.posts()] == [b"a"]
    assert wire.sender.deadline == pytest.approx(5.03)
    wire.sender.pump(5.02)
    assert wire.posts() == []
    wire.sender.pump(5.03)
    assert [post[2] for post in wire.posts()] == [b"b"]
    assert wire.sender.deadline is None


def test_no_body_is_above_the_limit() -> None:
    wire = Wire(posts=1)
    wire.write(b"first")
    wire.write(bytes(2 * MAX_POST_BYTES + 5))
    wire.write(b"z" * (MAX_POST_BYTES - 6))
    sizes = []
    for number in range(4):
        sizes += [len(post[2]) for post in wire.posts()]
        wire.sender.answered(number)
        wire.sender.pump(0.0)
    assert sizes == [5, MAX_POST_BYTES, MAX_POST_BYTES, MAX_POST_BYTES - 1]


def test_the_end_is_an_empty_packet_behind_everything() -> None:
    wire = Wire(posts=1)
    wire.write(b"a")
    wire.write(b"b")
    wire.sender.end()
    wire.sender.pump(0.0)
    assert not wire.sender.idle
    assert wire.posts() == [(0, 0, b"a", False)]
    wire.sender.answered(0)
    wire.sender.pump(0.0)
    assert wire.posts() == [(1, 1, b"b", False)]
    wire.sender.answered(1)
    wire.sender.pump(0.0)
    assert wire.posts() == [(2, 2, b"", True)]
    assert not wire.sender.idle
    wire.sender.answered(2)
    assert wire.sender.requests == []
    assert wire.sender.deadline is None


def test_a_lost_packet_is_sent_once_more_under_its_number() -> None:
    wire = Wire()
    wire.write(b"abc")
    wire.posts()
    wire.sender.sent(0)
    assert wire.sender.lost(0)
    assert wire.posts() == [(1, 0, b"abc", False)]
    assert wire.sender.unsent_bytes == 3
    assert not wire.sender.lost(1)


def test_an_answered_or_unknown_packet_cannot_be_lost() -> None:
    wire = Wire()
    wire.write(b"abc")
    wire.sender.answered(0)
    wire.posts()
    assert wire.sender.lost(0) and wire.sender.lost(77)
    assert wire.posts() == []


def test_no_packet_is_so_far_ahead_that_the_server_gives_up() -> None:
    wire = Wire()
    for _ in range(100):
        wire.write(b"x")
    assert len(wire.posts()) == MAX_BUFFERED_POSTS
    for number in range(1, MAX_BUFFERED_POSTS):  # all but the first are answered
        wire.sender.answered(number)
    wire.sender.pump(0.0)
    assert wire.posts() == []
    wire.sender.answered(0)
    wire.sender.pump(0.0)
    assert len(wire.posts()) == 1  # all the rest


@given(
    st.lists(st.binary(min_size=1, max_size=30), max_size=30),
    st.integers(1, 5),
    st.randoms(use_true_random=False),
)
def test_any_order_of_answers_and_losses_carries_every_byte_once(
    pieces: list[bytes], posts: int, chance: random.Random
) -> None:
    wire, waiting, ended = Wire(posts=posts), list(pieces), False
    received: dict[int, bytes] = {}
    live: dict[int, int] = {}
    lost_before: set[int] = set()
    while waiting or live or not ended:
        action = chance.choice(["answer", "write", "sent", "lose"])
        if live and action != "write":
            number = chance.choice(list(live))
            seq = live[number]
            if action == "sent":
                wire.sender.sent(number)
            elif action == "lose" and seq not in lost_before:
                lost_before.add(seq)
                del live[number]
                assert wire.sender.lost(number)
            else:
                del live[number]
                wire.sender.answered(number)
        elif waiting:
            wire.sender.write(waiting.pop(0))
        elif not ended:
            ended = True
            wire.sender.end()
        wire.sender.pump(0.0)
        for number, seq, body, _ in wire.posts():
            live[number] = seq
            assert received.setdefault(seq, body) == body, "another body under the same number"
        assert len(live) <= posts
        assert wire.sender.requests == list(live)
    assert b"".join(body for _, body in sorted(received.items())) == b"".join(pieces)
    assert sorted(received) == list(range(len(received)))
    assert wire.sender.idle and wire.sender.unsent_bytes == 0
