"""Bytes that have to wait cost about as much memory as there are of them."""

from __future__ import annotations

from collections import deque

from tunnel_whisperer.base.pieces import append_piece, move_pieces


def test_small_pieces_are_joined_and_large_ones_are_not_copied() -> None:
    pieces: deque[bytes] = deque()
    for _ in range(10_000):
        append_piece(pieces, b"x")
    assert len(pieces) <= 20 and sum(map(len, pieces)) == 10_000
    large = bytes(5000)
    append_piece(pieces, large)
    assert pieces[-1] is large


def test_the_rest_of_a_piece_is_joined_too() -> None:
    pieces: deque[bytes | memoryview] = deque([memoryview(b"abc")[1:]])
    append_piece(pieces, b"d")
    assert list(pieces) == [b"bcd"]


def test_what_is_moved_is_cut_where_it_is_asked_for() -> None:
    whole = b"cdef"
    pieces: deque[bytes | memoryview] = deque([b"ab", whole, b"gh"])
    parts: list[bytes | memoryview] = []
    move_pieces(pieces, 3, parts)
    assert [bytes(part) for part in parts] == [b"ab", b"c"]
    assert isinstance(parts[1], memoryview) and parts[1].obj is whole
    move_pieces(pieces, 0, parts)
    move_pieces(pieces, 5, parts)
    assert b"".join(parts) == b"abcdefgh" and not pieces
