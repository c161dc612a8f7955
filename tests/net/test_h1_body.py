from __future__ import annotations

import itertools

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunnel_whisperer.base.errors import Broken
from tunnel_whisperer.net.h1_body import BodyReader, BodyWriter
from tunnel_whisperer.net.h1_heads import NO_BODY, BodyKind, Framing, H1Fault

CHUNKED = Framing(BodyKind.CHUNKED)
UNTIL_CLOSE = Framing(BodyKind.UNTIL_CLOSE)


def read(framing: Framing, data: bytes, cuts: list[int] | None = None) -> tuple[bytes, bytes, bool]:
    """Body, what follows it, and whether it ended."""
    reader, body = BodyReader(framing), b""
    edges = [0, *sorted(min(x, len(data)) for x in cuts or []), len(data)]
    for start, end in itertools.pairwise(edges):
        pos, piece = 0, data[start:end]
        while pos < len(piece):
            if reader.ended:
                return body, piece[pos:] + data[end:], True
            got, pos = reader.receive_data(piece, pos)
            body += got
    return body, b"", reader.ended


def write(framing: Framing, pieces: list[bytes], room: int, *, end: bool = True) -> bytes:
    writer = BodyWriter(framing)
    for piece in pieces:
        writer.put(piece)
    if end:
        writer.end()
    out: list[bytes | memoryview] = []
    while True:
        writer.take(room, out)
        if not writer.unsent_bytes:
            return b"".join(out)


def test_the_example_of_the_rfc() -> None:
    """RFC 9112 section 7.1: size, extension, last chunk, trailer."""
    data = (
        b"4\r\nWiki\r\n6;name=value\r\npedia \r\nE\r\nin \r\n\r\nchunks.\r\n0\r\nExpires: never\r\n\r\nNEXT"
    )
    assert read(CHUNKED, data) == (b"Wikipedia in \r\n\r\nchunks.", b"NEXT", True)


def test_a_body_that_arrives_at_once_is_one_piece() -> None:
    reader = BodyReader(CHUNKED)
    data = b"1\r\na\r\n2\r\nbc\r\n0\r\n\r\n"
    assert reader.receive_data(data, 0) == (b"abc", len(data))


@pytest.mark.parametrize(
    "data",
    [
        b"g\r\n",
        b"\r\n",
        b"-1\r\n",
        b"+1\r\n",
        b"0x1\r\n",
        b" 1\r\n",
        b"1 x\r\n",
        b"1\n",
        b"1\r\r\n",
        b"11111111111111111\r\n",
        b"1;a\x00\r\n",
        b"1;" + b"a" * 300,
        b"1" * 300,
        b"1\r\nab\r\n",
        b"1\r\na\n",
        b"1\r\naX\n",
        b"0\r\nbad line\r\n",
        b"0\r\n folded: 1\r\n",
        b"0\r\nA: 1\n",
        b"0\r\nA: \x00\r\n",
        b"0\r\n" + b"A: 1\r\n" * 3000,
        b"0\r\nA: " + b"x" * 20000,
    ],
)
def test_chunks_that_are_refused(data: bytes) -> None:
    with pytest.raises(H1Fault):
        read(CHUNKED, data)
    with pytest.raises(H1Fault):
        read(CHUNKED, data, list(range(len(data))))


def test_a_length_is_counted() -> None:
    assert read(Framing(BodyKind.LENGTH, 5), b"helloNEXT") == (b"hello", b"NEXT", True)
    assert read(Framing(BodyKind.LENGTH, 5), b"hell") == (b"hell", b"", False)
    assert BodyReader(Framing(BodyKind.LENGTH, 5)).exceeds(4)
    assert not BodyReader(CHUNKED).exceeds(4)


def test_no_body_has_ended_before_it_began() -> None:
    assert BodyReader(NO_BODY).ended


def test_a_body_until_the_close_takes_everything() -> None:
    assert read(UNTIL_CLOSE, b"abc") == (b"abc", b"", False)
    assert BodyReader(UNTIL_CLOSE).ends_with_connection


@given(
    pieces=st.lists(st.binary(min_size=1, max_size=300), max_size=8),
    room=st.integers(1, 400),
    cuts=st.lists(st.integers(0, 2500), max_size=20),
    after=st.binary(max_size=10),
)
def test_cuts_do_not_matter(pieces: list[bytes], room: int, cuts: list[int], after: bytes) -> None:
    body = b"".join(pieces)
    data = write(CHUNKED, pieces, room)
    assert read(CHUNKED, data + after, cuts) == (body, after, True)
    framing = Framing(BodyKind.LENGTH, len(body))
    if body:
        assert read(framing, write(framing, pieces, room) + after, cuts) == (body, after, True)


@given(pieces=st.lists(st.binary(min_size=1, max_size=300), max_size=8), room=st.integers(1, 400))
def test_h11_reads_our_chunks(pieces: list[bytes], room: int) -> None:
    other = h11.Connection(h11.SERVER)
    head = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    other.receive_data(head + write(CHUNKED, pieces, room))
    body = b""
    while not isinstance(event := other.next_event(), h11.EndOfMessage):
        if isinstance(event, h11.Data):
            body += bytes(event.data)
    assert body == b"".join(pieces)


@given(st.lists(st.binary(min_size=1, max_size=300), max_size=8), st.lists(st.integers(0, 2500), max_size=20))
def test_we_read_h11_s_chunks(pieces: list[bytes], cuts: list[int]) -> None:
    other = h11.Connection(h11.CLIENT)
    head = other.send(
        h11.Request(method="POST", target="/", headers=[("Host", "a"), ("Transfer-Encoding", "chunked")])
    )
    assert head is not None
    data = b"".join(other.send(h11.Data(data=piece)) or b"" for piece in pieces)
    data += other.send(h11.EndOfMessage()) or b""
    assert read(CHUNKED, data, cuts) == (b"".join(pieces), b"", True)


@given(st.binary(max_size=300), st.lists(st.integers(0, 300), max_size=10))
def test_garbage_yields_bytes_or_faults(garbage: bytes, cuts: list[int]) -> None:
    outcomes = []
    for these in ([], cuts):
        try:
            outcomes.append(read(CHUNKED, garbage, these))
        except H1Fault:
            outcomes.append((b"", b"", False))
    assert outcomes[0] == outcomes[1]


def test_one_write_is_one_chunk() -> None:
    assert write(CHUNKED, [b"ab", b"c", b"def"], 100) == b"6\r\nabcdef\r\n0\r\n\r\n"
    assert write(CHUNKED, [], 100) == b"0\r\n\r\n"
    assert write(CHUNKED, [b"ab"], 100, end=False) == b"2\r\nab\r\n"


def test_a_body_that_is_only_thought_of_is_not_sent() -> None:
    assert write(NO_BODY, [b"ab"], 100) == b""


def test_a_body_that_is_not_what_was_announced_is_a_fault_of_ours() -> None:
    writer = BodyWriter(Framing(BodyKind.LENGTH, 3))
    writer.put(b"ab")
    with pytest.raises(Broken, match="less"):
        writer.end()
    with pytest.raises(Broken, match="more"):
        writer.put(b"cd")
