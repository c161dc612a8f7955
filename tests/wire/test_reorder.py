"""Packets in any order, whole or in part, once or twice: the bytes come out in order, once."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunnel_whisperer.wire.reorder import Packet, PacketQueue


def begin(queue: PacketQueue, seq: int, *, last: bool = False) -> Packet:
    packet, old = queue.open(seq, seq, last=last)
    assert packet is not None and old is None
    return packet


def whole(queue: PacketQueue, seq: int, data: bytes, *, last: bool = False) -> Packet:
    packet = begin(queue, seq, last=last)
    if data:
        queue.receive(packet, data)
    queue.finish(packet)
    return packet


def drain(queue: PacketQueue) -> bytes:
    out = b""
    while (taken := queue.take()) is not None:
        out += taken[1]
    return out


def test_packets_come_out_by_number() -> None:
    queue = PacketQueue()
    for seq in (2, 0, 1):
        whole(queue, seq, b"%d" % seq)
    assert queue.held == 3
    assert drain(queue) == b"012"
    assert (len(queue), queue.held) == (0, 0)


def test_the_packet_whose_turn_it_is_passes_in_pieces() -> None:
    queue = PacketQueue()
    first = begin(queue, 0)
    whole(queue, 1, b"behind")
    queue.receive(first, b"a")
    assert drain(queue) == b"a"
    queue.receive(first, b"b")
    assert drain(queue) == b"b"
    assert drain(queue) == b""
    queue.finish(first)
    assert drain(queue) == b"behind"


def test_a_missing_packet_holds_the_later_ones() -> None:
    queue = PacketQueue()
    for seq in range(1, 31):
        whole(queue, seq, b"x")
    assert drain(queue) == b"" and queue.held == 30
    whole(queue, 0, b"x")
    assert drain(queue) == b"x" * 31


def test_an_empty_packet_uses_up_its_number() -> None:
    queue = PacketQueue()
    whole(queue, 1, b"one")
    whole(queue, 0, b"")
    assert drain(queue) == b"one"


@pytest.mark.parametrize("taken", [False, True])
def test_a_second_copy_of_a_complete_packet_is_not_opened(taken: bool) -> None:
    queue = PacketQueue()
    whole(queue, 0, b"x")
    if taken:
        drain(queue)
    assert queue.open(0, 9, last=False) == (None, None)
    assert drain(queue) == (b"" if taken else b"x")


def test_a_newer_copy_replaces_an_unfinished_one() -> None:
    queue = PacketQueue()
    first = begin(queue, 0)
    queue.receive(first, b"ab")
    assert drain(queue) == b"ab"
    queue.receive(first, b"c")  # waits, and is replaced with its packet
    second, old = queue.open(0, 7, last=False)
    assert second is not None and old is first
    queue.abandon(first)  # the older copy's end must not take the newer one along
    queue.receive(second, b"a")
    assert queue.take() == (second, b"", 1)
    queue.receive(second, b"bcd")
    assert queue.take() == (second, b"cd", 1)
    queue.finish(second)
    assert drain(queue) == b"" and len(queue) == 0


def test_an_abandoned_packet_can_come_again() -> None:
    queue = PacketQueue()
    first = begin(queue, 0)
    queue.receive(first, b"ab")
    assert drain(queue) == b"ab"
    queue.abandon(first)
    assert queue.take() is None and len(queue) == 0
    whole(queue, 0, b"abcd")
    assert drain(queue) == b"cd"


def test_a_shorter_second_copy_adds_nothing() -> None:
    queue = PacketQueue()
    first = begin(queue, 0)
    queue.receive(first, b"abcd")
    assert drain(queue) == b"abcd"
    queue.abandon(first)
    whole(queue, 0, b"ab")
    whole(queue, 1, b"next")
    assert drain(queue) == b"next"


def test_nothing_follows_the_last_packet() -> None:
    queue = PacketQueue()
    whole(queue, 2, b"late")
    whole(queue, 1, b"", last=True)
    whole(queue, 0, b"data")
    assert drain(queue) == b"data"
    assert queue.ended
    assert queue.open(3, 3, last=False) == (None, None)


def test_unfinished_are_those_under_way() -> None:
    queue = PacketQueue()
    whole(queue, 1, b"x")
    packet = begin(queue, 2)
    assert queue.unfinished() == [packet]


def test_what_waits_is_counted() -> None:
    queue = PacketQueue()
    whole(queue, 1, b"four")
    begin(queue, 2)
    assert queue.waiting_bytes == 4
    whole(queue, 0, b"two")
    assert queue.waiting_bytes == 7
    assert queue.take() is not None
    assert queue.waiting_bytes == 4


@given(st.lists(st.binary(max_size=12), min_size=1, max_size=8), st.randoms(use_true_random=False))
def test_any_order_of_packets_copies_and_cuts_gives_the_bytes_once(
    bodies: list[bytes], chance: random.Random
) -> None:
    queue, out = PacketQueue(), b""
    live: dict[int, tuple[Packet, int]] = {}
    done: set[int] = set()
    while len(done) < len(bodies):
        seq = chance.choice([n for n in range(len(bodies)) if n not in done])
        if seq not in live or chance.random() > 0.9:
            packet, old = queue.open(seq, seq, last=seq == len(bodies) - 1)
            assert packet is not None and (old is None) == (seq not in live)
            live[seq] = packet, 0
            continue
        packet, sent = live[seq]
        rest = bodies[seq][sent:]
        if chance.random() > 0.9:
            queue.abandon(packet)
            del live[seq]
        elif rest:
            piece = rest[: chance.randint(1, len(rest))]
            queue.receive(packet, piece)
            live[seq] = packet, sent + len(piece)
        else:
            queue.finish(packet)
            done.add(seq)
        out += drain(queue)
        assert b"".join(bodies).startswith(out)
    assert out == b"".join(bodies)
    assert queue.ended and len(queue) == 0 and queue.held == 0
