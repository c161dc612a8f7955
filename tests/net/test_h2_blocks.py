"""Header blocks out of HEADERS and CONTINUATION (RFC 9113 sections 4.3, 6.2, 6.10)."""

from __future__ import annotations

import pytest

from tests.net.h2_kit import END_HEADERS, END_STREAM, PADDED, PRIORITISED
from tunnel_whisperer.base.limits import MAX_HEADER_BLOCK_BYTES, MAX_HEADER_BLOCK_FRAMES
from tunnel_whisperer.net.h2_blocks import BlockReader, HeaderBlock
from tunnel_whisperer.net.h2_frames import ErrorCode, H2Fault


def test_one_frame_may_be_all_of_it() -> None:
    reader = BlockReader()
    assert reader.receive_headers(END_HEADERS | END_STREAM, 3, b"abc") == HeaderBlock(3, b"abc", True)
    assert reader.receive_headers(END_HEADERS, 5, b"") == HeaderBlock(5, b"", False)
    assert not reader.is_open


def test_padding_and_priority_are_left_out() -> None:
    flags = END_HEADERS | PADDED | PRIORITISED
    assert BlockReader().receive_headers(flags, 1, b"\x02" + bytes(5) + b"abc" + bytes(2)) == HeaderBlock(
        1, b"abc", False
    )


def test_pieces_are_joined_and_the_end_of_the_stream_is_told_by_the_first() -> None:
    reader = BlockReader()
    assert reader.receive_headers(END_STREAM, 1, b"a") is None
    assert reader.receive_continuation(0, 1, b"") is None
    assert reader.is_open
    assert reader.receive_continuation(END_HEADERS, 1, b"b") == HeaderBlock(1, b"ab", True)
    assert reader.receive_headers(END_HEADERS, 3, b"c") == HeaderBlock(3, b"c", False)


def test_what_continues_nothing_is_out_of_place() -> None:
    reader = BlockReader()
    with pytest.raises(H2Fault, match="out of place"):
        reader.receive_continuation(END_HEADERS, 1, b"a")
    reader.receive_headers(0, 1, b"a")
    with pytest.raises(H2Fault, match="out of place"):
        reader.receive_continuation(END_HEADERS, 3, b"b")


def test_a_flood_of_empty_continuations_is_bounded() -> None:
    """CVE-2024-27316 and its kin."""
    reader = BlockReader()
    reader.receive_headers(0, 1, b"")
    for _ in range(MAX_HEADER_BLOCK_FRAMES - 1):
        assert reader.receive_continuation(0, 1, b"") is None
    with pytest.raises(H2Fault) as fault:
        reader.receive_continuation(0, 1, b"")
    assert fault.value.error_code is ErrorCode.ENHANCE_YOUR_CALM


def test_a_block_is_bounded_in_bytes() -> None:
    reader = BlockReader()
    reader.receive_headers(0, 1, bytes(MAX_HEADER_BLOCK_BYTES))
    with pytest.raises(H2Fault) as fault:
        reader.receive_continuation(END_HEADERS, 1, b"x")
    assert fault.value.error_code is ErrorCode.ENHANCE_YOUR_CALM
