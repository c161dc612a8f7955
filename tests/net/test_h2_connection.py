"""What RFC 9113 and RFC 7541 demand of a connection, case by case: bytes in, verdict out.

The cases are those of the usual conformance suites; each names its section. A fault of a stream
must leave the connection alive, a fault of the connection must be told by GOAWAY and end it.
"""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from tests.kit.clock import run
from tests.net.h2_kit import (
    ACK,
    COMPRESSION_ERROR,
    CONTINUATION,
    DATA,
    END_STREAM,
    FLOW_CONTROL_ERROR,
    FRAME_SIZE_ERROR,
    GET,
    GOAWAY,
    HEADERS,
    OK,
    PADDED,
    PING,
    POST,
    PREFACE,
    PRIORITISED,
    PRIORITY,
    PROTOCOL_ERROR,
    PUSH_PROMISE,
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
    raw,
    settings,
    settle,
    u32,
)


@dataclass(frozen=True)
class Case:
    """Exactly one verdict; without one, the frames are to be harmless."""

    rule: str
    sent: bytes
    goaway: int | None = None
    reset: int | None = None
    """Of stream 1."""
    greeting: bytes | None = None

    def __str__(self) -> str:
        return self.rule


OPEN = headers(1, POST)
"""Stream 1 open: its body may follow."""

HALF = headers(1, GET, end=True)
"""Stream 1 half-closed (remote)."""

PIECE = block(GET)


def request(*fields: tuple[str, str], base: tuple[tuple[str, str], ...] = GET) -> bytes:
    """Stream 1 with more fields."""
    return headers(1, (*base, *fields), end=True)


FRAMES = [
    Case("3.4 a wrong preface", b"", goaway=PROTOCOL_ERROR, greeting=b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"),
    Case("3.4 first frame is not SETTINGS", b"", goaway=PROTOCOL_ERROR, greeting=PREFACE + OPEN),
    Case(
        "3.4 first frame is an ACK", b"", goaway=PROTOCOL_ERROR, greeting=PREFACE + raw(SETTINGS, ACK)
    ),
    Case("4.1 a frame of unknown type is ignored", raw(0x16, 0xFF, 7, b"whatever")),
    Case("4.1 the reserved bit is ignored", raw(PING, 0, 0x80000000, bytes(8))),
    Case("4.1 undefined flags are ignored", raw(PING, 0xFE, 0, bytes(8))),
    Case("4.2 DATA of 16384 bytes is taken", OPEN + data(1, bytes(16384), end=True)),
    Case(
        "4.2 DATA longer than our limit",
        OPEN + bytes.fromhex("040001 00 00 00000001"),
        goaway=FRAME_SIZE_ERROR,
    ),
    Case("4.2 HEADERS longer than our limit", bytes.fromhex("040001 01 04 00000001"), goaway=FRAME_SIZE_ERROR),
    Case("4.3 a block that is not HPACK", raw(HEADERS, 5, 1, b"\x40"), goaway=COMPRESSION_ERROR),
    Case(
        "4.3 PRIORITY within a block",
        raw(HEADERS, 1, 1, PIECE) + raw(PRIORITY, 0, 1, bytes(5)),
        goaway=PROTOCOL_ERROR,
    ),
    Case(
        "4.3 HEADERS of another stream within a block",
        raw(HEADERS, 1, 1, PIECE) + headers(3, GET),
        goaway=PROTOCOL_ERROR,
    ),
    Case("5.5 an unknown frame within a block", raw(HEADERS, 1, 1, PIECE) + raw(0x16), goaway=PROTOCOL_ERROR),
    Case("6.1 DATA on stream 0", data(0, b"x"), goaway=PROTOCOL_ERROR),
    Case("6.1 more padding than payload", OPEN + raw(DATA, PADDED, 1, b"\x05test"), goaway=PROTOCOL_ERROR),
    Case("6.1 padding without its length", OPEN + raw(DATA, PADDED, 1), goaway=PROTOCOL_ERROR),
    Case("6.1 nothing but padding", OPEN + raw(DATA, PADDED | END_STREAM, 1, b"\x04" + bytes(4))),
    Case("6.2 HEADERS on stream 0", headers(0, GET, end=True), goaway=PROTOCOL_ERROR),
    Case(
        "6.2 more padding than payload",
        raw(HEADERS, 5 | PADDED, 1, bytes([len(PIECE) + 1]) + PIECE),
        goaway=PROTOCOL_ERROR,
    ),
    Case("6.2 padding and priority", raw(HEADERS, 5 | PADDED | PRIORITISED, 1, b"\x03" + bytes(5) + PIECE + bytes(3))),
    Case("6.2 too short for its priority", raw(HEADERS, 5 | PRIORITISED, 1, bytes(4)), goaway=FRAME_SIZE_ERROR),
    Case("6.3 PRIORITY on stream 0", raw(PRIORITY, 0, 0, bytes(5)), goaway=PROTOCOL_ERROR),
    Case("6.3 PRIORITY of 4 bytes", raw(PRIORITY, 0, 1, bytes(4)), goaway=FRAME_SIZE_ERROR),
    Case("5.3.2 PRIORITY of an idle stream", raw(PRIORITY, 0, 9, u32(7) + b"\x10")),
    Case("6.4 RST_STREAM on stream 0", raw(RST_STREAM, 0, 0, u32(8)), goaway=PROTOCOL_ERROR),
    Case("6.4 RST_STREAM of 3 bytes", OPEN + raw(RST_STREAM, 0, 1, bytes(3)), goaway=FRAME_SIZE_ERROR),
    Case("6.5 an ACK with payload", raw(SETTINGS, ACK, 0, bytes(6)), goaway=FRAME_SIZE_ERROR),
    Case("6.5 SETTINGS on a stream", raw(SETTINGS, 0, 1, bytes(6)), goaway=PROTOCOL_ERROR),
    Case("6.5 SETTINGS of 8 bytes", raw(SETTINGS, 0, 0, bytes(8)), goaway=FRAME_SIZE_ERROR),
    Case("6.5.2 ENABLE_PUSH 2", settings((2, 2)), goaway=PROTOCOL_ERROR),
    Case("6.5.2 INITIAL_WINDOW_SIZE 2^31", settings((4, 1 << 31)), goaway=FLOW_CONTROL_ERROR),
    Case("6.5.2 MAX_FRAME_SIZE 16383", settings((5, 16383)), goaway=PROTOCOL_ERROR),
    Case("6.5.2 MAX_FRAME_SIZE 2^24", settings((5, 1 << 24)), goaway=PROTOCOL_ERROR),
    Case("6.5.2 a wrong value before a right one", settings((5, 0), (5, 16384)), goaway=PROTOCOL_ERROR),
    Case("6.5.2 an unknown setting is ignored", settings((0xFF, 7), (9, 1))),
    Case("6.6 PUSH_PROMISE of a client", OPEN + raw(PUSH_PROMISE, 4, 1, u32(2) + PIECE), goaway=PROTOCOL_ERROR),
    Case("6.7 PING on a stream", raw(PING, 0, 1, bytes(8)), goaway=PROTOCOL_ERROR),
    Case("6.7 PING of 6 bytes", raw(PING, 0, 0, bytes(6)), goaway=FRAME_SIZE_ERROR),
    Case("6.8 GOAWAY on a stream", raw(GOAWAY, 0, 1, bytes(8)), goaway=PROTOCOL_ERROR),
    Case("6.8 GOAWAY of 7 bytes", raw(GOAWAY, 0, 0, bytes(7)), goaway=FRAME_SIZE_ERROR),
    Case("6.9 increment 0", raw(WINDOW_UPDATE, 0, 0, u32(0)), goaway=PROTOCOL_ERROR),
    Case("6.9 increment 0 of a stream", OPEN + raw(WINDOW_UPDATE, 0, 1, u32(0)), reset=PROTOCOL_ERROR),
    Case("6.9 WINDOW_UPDATE of 3 bytes", raw(WINDOW_UPDATE, 0, 0, bytes(3)), goaway=FRAME_SIZE_ERROR),
    Case("6.9 the reserved bit is ignored", raw(WINDOW_UPDATE, 0, 0, u32(0x80000001))),
    Case("6.9.1 a connection window above 2^31-1", raw(WINDOW_UPDATE, 0, 0, u32(0x7FFFFFFF)), goaway=FLOW_CONTROL_ERROR),
    Case("6.9.1 a stream window above 2^31-1", OPEN + raw(WINDOW_UPDATE, 0, 1, u32(0x7FFFFFFF)), reset=FLOW_CONTROL_ERROR),
    Case("6.9.2 SETTINGS push a stream window above 2^31-1", OPEN + raw(WINDOW_UPDATE, 0, 1, u32(100)) + settings((4, 0x7FFFFFFF)), goaway=FLOW_CONTROL_ERROR),
    Case("6.10 CONTINUATION after END_HEADERS", OPEN + raw(CONTINUATION, 4, 1, PIECE), goaway=PROTOCOL_ERROR),
    Case("6.10 CONTINUATION after the last CONTINUATION", raw(HEADERS, 1, 1, PIECE) + raw(CONTINUATION, 4, 1) * 2, goaway=PROTOCOL_ERROR),
    Case("6.10 CONTINUATION on stream 0", raw(HEADERS, 1, 1, PIECE) + raw(CONTINUATION, 4, 0), goaway=PROTOCOL_ERROR),
    Case("6.10 CONTINUATION of another stream", raw(HEADERS, 1, 1, PIECE) + raw(CONTINUATION, 4, 3), goaway=PROTOCOL_ERROR),
    Case("6.10 DATA within a block", raw(HEADERS, 0, 1, PIECE) + data(1, b"x"), goaway=PROTOCOL_ERROR),
    Case("6.10 a head in three frames", raw(HEADERS, 1, 1, PIECE[:3]) + raw(CONTINUATION, 0, 1, PIECE[3:9]) + raw(CONTINUATION, 4, 1, PIECE[9:])),
    Case("6.10 a head whose first frame is empty", raw(HEADERS, 1, 1) + raw(CONTINUATION, 4, 1, PIECE)),
    Case("7 an unknown error code in GOAWAY", raw(GOAWAY, 0, 0, u32(0, 0xFF) + b"debug")),
    Case("7 an unknown error code in RST_STREAM", OPEN + raw(RST_STREAM, 0, 1, u32(0xFFFFFFFF))),
]  # fmt: skip

STATES = [
    Case("5.1 idle: DATA", data(1, b"x"), goaway=PROTOCOL_ERROR),
    Case("5.1 idle: RST_STREAM", raw(RST_STREAM, 0, 1, u32(8)), goaway=PROTOCOL_ERROR),
    Case("5.1 idle: WINDOW_UPDATE", raw(WINDOW_UPDATE, 0, 1, u32(1)), goaway=PROTOCOL_ERROR),
    Case("5.1 idle: CONTINUATION", raw(CONTINUATION, 4, 1, PIECE), goaway=PROTOCOL_ERROR),
    Case("5.1 idle and even: WINDOW_UPDATE", raw(WINDOW_UPDATE, 0, 2, u32(1)), goaway=PROTOCOL_ERROR),
    Case("5.1 half-closed (remote): DATA", HALF + data(1, b"x"), reset=STREAM_CLOSED),
    Case("5.1 half-closed (remote): HEADERS", HALF + headers(1, GET, end=True), reset=STREAM_CLOSED),
    Case("5.1 half-closed (remote): CONTINUATION", HALF + raw(CONTINUATION, 4, 1, PIECE), goaway=PROTOCOL_ERROR),
    Case("5.1 half-closed (remote): WINDOW_UPDATE", HALF + raw(WINDOW_UPDATE, 0, 1, u32(1))),
    Case("5.1 half-closed (remote): PRIORITY", HALF + raw(PRIORITY, 0, 1, bytes(5))),
    Case("5.1 half-closed (remote): RST_STREAM", HALF + raw(RST_STREAM, 0, 1, u32(8))),
    Case("5.1 reset by the peer: DATA", OPEN + raw(RST_STREAM, 0, 1, u32(8)) + data(1, b"x"), reset=STREAM_CLOSED),
    Case("5.1 reset by the peer: WINDOW_UPDATE", OPEN + raw(RST_STREAM, 0, 1, u32(8)) + raw(WINDOW_UPDATE, 0, 1, u32(1))),
    Case("5.1 reset by the peer: RST_STREAM", OPEN + raw(RST_STREAM, 0, 1, u32(8)) * 2),
    # Sections 5.1 and 5.1.1 allow either code; which of them a closed stream is, nobody remembers.
    Case("5.1 reset by the peer: HEADERS", OPEN + raw(RST_STREAM, 0, 1, u32(8)) + headers(1, GET), goaway=PROTOCOL_ERROR),
    Case("5.1.1 an even stream", headers(2, GET, end=True), goaway=PROTOCOL_ERROR),
    Case("5.1.1 a lower stream than before", headers(5, GET, end=True) + headers(3, GET, end=True), goaway=PROTOCOL_ERROR),
    Case("5.1.1 streams may be left out", headers(5, GET, end=True)),
]  # fmt: skip

MESSAGES = [
    Case("8.1 a second head that ends nothing", OPEN + headers(1, (("a", "b"),)), reset=PROTOCOL_ERROR),
    Case("8.1 trailers", OPEN + data(1, b"x") + headers(1, (("a", "b"),), end=True)),
    Case("8.1 a pseudo-header in trailers", OPEN + headers(1, ((":method", "GET"),), end=True), reset=PROTOCOL_ERROR),
    Case("8.2.1 an upper-case name", request(("X-TEST", "ok")), reset=PROTOCOL_ERROR),
    Case("8.2.1 a space in a name", request(("x test", "ok")), reset=PROTOCOL_ERROR),
    Case("8.2.1 an empty name", request(("", "ok")), reset=PROTOCOL_ERROR),
    Case("8.2.1 a line end in a value", request(("x", "a\r\nb: c")), reset=PROTOCOL_ERROR),
    Case("8.2.1 NUL in a value", request(("x", "a\0b")), reset=PROTOCOL_ERROR),
    Case("8.2.1 a value that begins with a space", request(("x", " a")), reset=PROTOCOL_ERROR),
    Case("8.2.1 a line end in a pseudo-header", headers(1, (*GET[:3], (":path", "/\r\nx")), end=True), reset=PROTOCOL_ERROR),
    Case("8.2.1 obs-text in a value", request(("x", "gr\xfc\xdfe"))),
    Case("8.2.2 connection", request(("connection", "keep-alive")), reset=PROTOCOL_ERROR),
    Case("8.2.2 transfer-encoding", request(("transfer-encoding", "chunked")), reset=PROTOCOL_ERROR),
    Case("8.2.2 te: gzip", request(("te", "trailers, deflate")), reset=PROTOCOL_ERROR),
    Case("8.2.2 te: trailers", request(("te", "trailers"))),
    Case("8.3 an unknown pseudo-header", request((":test", "ok"), base=GET), reset=PROTOCOL_ERROR),
    Case("8.3 a pseudo-header of responses", headers(1, (*GET, (":status", "200")), end=True), reset=PROTOCOL_ERROR),
    Case("8.3 a pseudo-header after a field", headers(1, (*GET[:3], ("x", "y"), GET[3]), end=True), reset=PROTOCOL_ERROR),
    Case("8.3.1 an empty path", headers(1, (*GET[:3], (":path", "")), end=True), reset=PROTOCOL_ERROR),
    Case("8.3.1 no method", headers(1, GET[1:], end=True), reset=PROTOCOL_ERROR),
    Case("8.3.1 no scheme", headers(1, (GET[0], *GET[2:]), end=True), reset=PROTOCOL_ERROR),
    Case("8.3.1 no path", headers(1, GET[:3], end=True), reset=PROTOCOL_ERROR),
    Case("8.3.1 no authority", headers(1, (GET[0], GET[1], GET[3]), end=True)),
    Case("8.3.1 the method twice", request(GET[0], base=(GET[0], *GET)), reset=PROTOCOL_ERROR),
    Case("8.3.1 the scheme twice", headers(1, (*GET, GET[1]), end=True), reset=PROTOCOL_ERROR),
    Case("8.3.1 the path twice", headers(1, (*GET, GET[3]), end=True), reset=PROTOCOL_ERROR),
    Case("8.3.1 OPTIONS *", headers(1, ((":method", "OPTIONS"), *GET[1:3], (":path", "*")), end=True)),
    Case("8.1.1 content-length of another length", headers(1, (*POST, ("content-length", "1"))) + data(1, b"test", end=True), reset=PROTOCOL_ERROR),
    Case("8.1.1 content-length exceeded by the sum", headers(1, (*POST, ("content-length", "5"))) + data(1, b"tes") * 2, reset=PROTOCOL_ERROR),
    Case("8.1.1 content-length not reached", headers(1, (*POST, ("content-length", "5"))) + data(1, b"test", end=True), reset=PROTOCOL_ERROR),
    Case("8.1.1 content-length without a body", headers(1, (*POST, ("content-length", "5")), end=True), reset=PROTOCOL_ERROR),
    Case("8.1.1 two lengths", headers(1, (*POST, ("content-length", "4"), ("content-length", "5"))), reset=PROTOCOL_ERROR),
    Case("8.1.1 a length that is no number", headers(1, (*POST, ("content-length", "-4"))), reset=PROTOCOL_ERROR),
    Case("8.1.1 content-length kept", headers(1, (*POST, ("content-length", "4"))) + data(1, b"te") + data(1, b"st", end=True)),
]  # fmt: skip

HPACK = [
    Case("RFC 7541 2.3.3 index 0", raw(HEADERS, 5, 1, b"\x80"), goaway=COMPRESSION_ERROR),
    Case("RFC 7541 2.3.3 an index beyond the tables", raw(HEADERS, 5, 1, PIECE + b"\xfe"), goaway=COMPRESSION_ERROR),
    Case("RFC 7541 4.2 a size update behind a field", raw(HEADERS, 5, 1, PIECE + b"\x20"), goaway=COMPRESSION_ERROR),
    Case("RFC 7541 5.1 an integer without end", raw(HEADERS, 5, 1, b"\xff" * 20), goaway=COMPRESSION_ERROR),
    Case("RFC 7541 5.2 eight bits of padding", raw(HEADERS, 5, 1, PIECE + b"\x00\x82\x1f\xff\x00"), goaway=COMPRESSION_ERROR),
    Case("RFC 7541 5.2 padding by zeros", raw(HEADERS, 5, 1, PIECE + b"\x00\x81\x18\x00"), goaway=COMPRESSION_ERROR),
    Case("RFC 7541 5.2 EOS in a string", raw(HEADERS, 5, 1, PIECE + b"\x00\x84\xff\xff\xff\xff\x00"), goaway=COMPRESSION_ERROR),
    Case("RFC 7541 5.2 a string longer than its block", raw(HEADERS, 5, 1, b"\x00\x7fabc"), goaway=COMPRESSION_ERROR),
    Case("RFC 7541 6.3 a table larger than ours", raw(HEADERS, 5, 1, b"\x3f\xe2\x1f" + PIECE), goaway=COMPRESSION_ERROR),
    Case("RFC 7541 6.3 a table of 4096 bytes", raw(HEADERS, 5, 1, b"\x3f\xe1\x1f" + PIECE)),
]  # fmt: skip


@pytest.mark.parametrize("case", [*FRAMES, *STATES, *MESSAGES, *HPACK], ids=str)
@pytest.mark.parametrize("chunk_bytes", [None, 1], ids=["at once", "byte by byte"])
def test_what_a_client_may_not_do(case: Case, chunk_bytes: int | None) -> None:
    async def scenario() -> None:
        served = RawServed(greeting=case.greeting, chunk_bytes=chunk_bytes)
        peer = served.peer
        peer.send(case.sent, raw(PING, 0, 0, b"survived"))
        await settle(50)
        survived = bool([frame for frame in peer.frames(PING) if frame.payload == b"survived"])
        if case.goaway is not None:
            assert [code for _, code in peer.goaways] == [case.goaway]
            assert not survived and served.server.open_exchanges == 0
            await peer.got_eof()
            assert all(scribe.lost for scribe in served.door.scribes)
            return
        assert not peer.goaways and survived
        assert peer.resets == ([] if case.reset is None else [(1, case.reset)])
        if case.reset is not None:
            assert served.server.open_exchanges == 0
        peer.send(headers(11, GET, end=True))
        await settle(50)
        assert served.door.scribes[-1].ended, "the next request is served"
        served.near.abort()
        await settle()

    run(scenario())


CLIENT = [
    Case("3.4 first frame is not SETTINGS", b"", goaway=PROTOCOL_ERROR, greeting=raw(PING, 0, 0, bytes(8))),
    Case("5.1 HEADERS on an idle stream", headers(3, OK), goaway=PROTOCOL_ERROR),
    Case("5.1 HEADERS on an even stream", headers(2, OK), goaway=PROTOCOL_ERROR),
    Case("5.1 DATA on an idle stream", data(3, b"x"), goaway=PROTOCOL_ERROR),
    Case("5.1 RST_STREAM on an idle stream", raw(RST_STREAM, 0, 3, u32(8)), goaway=PROTOCOL_ERROR),
    Case("5.1 DATA after the end", headers(1, OK, end=True) + data(1, b"x"), reset=STREAM_CLOSED),
    Case("5.1 HEADERS after the end", headers(1, OK, end=True) + headers(1, OK), reset=STREAM_CLOSED),
    Case("6.5.2 a server that enables push", settings((2, 1)), goaway=PROTOCOL_ERROR),
    Case("6.5.2 ENABLE_PUSH 0 is harmless", settings((2, 0))),
    Case("8.4 PUSH_PROMISE that we do not allow", raw(PUSH_PROMISE, 4, 1, u32(2) + PIECE), goaway=PROTOCOL_ERROR),
    Case("8.1 DATA before the response", data(1, b"x"), reset=PROTOCOL_ERROR),
    Case("8.1 an interim response", headers(1, ((":status", "103"), ("link", "<x>"))) + headers(1, OK)),
    Case("8.1 an interim response that ends the stream", headers(1, ((":status", "100"),), end=True), reset=PROTOCOL_ERROR),
    Case("8.1 DATA after an interim response", headers(1, ((":status", "100"),)) + data(1, b"x"), reset=PROTOCOL_ERROR),
    Case("8.1 two final responses", headers(1, OK) + headers(1, OK), reset=PROTOCOL_ERROR),
    Case("8.1 trailers", headers(1, OK) + headers(1, (("grpc-status", "0"),), end=True)),
    Case("8.3.2 no status", headers(1, (("x", "y"),)), reset=PROTOCOL_ERROR),
    Case("8.3.2 a status that is no number", headers(1, ((":status", "2x0"),)), reset=PROTOCOL_ERROR),
    Case("8.6 switching protocols", headers(1, ((":status", "101"),)), reset=PROTOCOL_ERROR),
    Case("8.3 a pseudo-header of requests", headers(1, (*OK, (":path", "/"))), reset=PROTOCOL_ERROR),
    Case("8.1.1 less than content-length", headers(1, (*OK, ("content-length", "3"))) + data(1, b"x", end=True), reset=PROTOCOL_ERROR),
    Case("8.1.1 content-length of a response without a body", headers(1, ((":status", "304"), ("content-length", "3")), end=True)),
    Case("4.3 a block that is not HPACK", raw(HEADERS, 4, 1, b"\x40"), goaway=COMPRESSION_ERROR),
]  # fmt: skip


@pytest.mark.parametrize("case", CLIENT, ids=str)
def test_what_a_server_may_not_do(case: Case) -> None:
    async def scenario() -> None:
        asked = RawAsked(greeting=case.greeting)
        scribe = ask(asked.client, "POST")
        await settle()
        await asked.send(case.sent, raw(PING, 0, 0, b"survived"))
        survived = bool([frame for frame in asked.peer.frames(PING) if frame.payload == b"survived"])
        if case.goaway is not None:
            assert asked.peer.goaways == [(0, case.goaway)]
            assert not survived and scribe.fault.code == "bad-http"
            return
        assert not asked.peer.goaways and survived
        assert asked.peer.resets == ([] if case.reset is None else [(1, case.reset)])
        if case.reset is not None:
            assert scribe.fault.code == "bad-http"
        asked.client.abort()
        await settle()

    run(scenario())


def test_a_ping_is_answered_with_its_own_bytes_and_an_answer_is_not_answered() -> None:
    async def scenario() -> None:
        served = RawServed(Door(answer_ok))
        await served.send(raw(PING, 0, 0, b"12345678"), raw(PING, ACK, 0, b"abcdefgh"))
        assert [(frame.flags, frame.payload) for frame in served.peer.frames(PING)] == [(ACK, b"12345678")]
        served.near.abort()

    run(scenario())


def test_settings_are_acknowledged_once_each() -> None:
    async def scenario() -> None:
        served = RawServed()
        await served.send(settings((3, 5), (4, 100)), settings())
        assert [frame.flags for frame in served.peer.frames(SETTINGS)] == [0, ACK, ACK, ACK]
        served.near.abort()

    run(scenario())
