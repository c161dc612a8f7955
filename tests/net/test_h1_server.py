from __future__ import annotations

import asyncio
import itertools
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.kit.clock import run
from tests.net.h1_kit import BAD, GET, OK, POST, Door, Visit, empty, load, says, server_and_peer, settle
from tunnel_whisperer.base.limits import (
    HTTP_CLOSE_LINGER_S,
    HTTP_IDLE_TIMEOUT_S,
    MAX_HEADER_BYTES,
    MAX_PIPELINED_BYTES,
    MAX_REFUSED_BODY_BYTES,
)
from tunnel_whisperer.wire.http import ResponseHead

# -- dialogues -------------------------------------------------------------------------------------


@pytest.mark.parametrize("chunk_bytes", [None, 1])
@pytest.mark.parametrize("case", load("client_connections.json")["connections"], ids=lambda x: x["source"])
def test_the_real_client_is_understood(case: Any, chunk_bytes: int | None) -> None:
    async def main() -> None:
        door = Door(empty)
        _, peer, wire = server_and_peer(door, chunk_bytes=chunk_bytes)
        for piece in case["received"]:
            wire.write(bytes.fromhex(piece))
            await settle()
        await asyncio.sleep(1)
        assert [f"{x.head.method} {x.head.target} HTTP/1.1" for x in door.visits] == [
            x["line"] for x in case["requests"]
        ]
        assert all(x.ended and x.over and x.lost is None and not x.progressed for x in door.visits)
        assert len(re.findall(rb"HTTP/1\.1 200 OK", peer.received)) == len(door.visits)
        wire.abort()
        await settle()

    run(main())


def test_a_stream_in_full_duplex() -> None:
    """The dialogue of srv_h1_stream.json s_one_cc: answers come before the body has ended."""
    dialogue = next(x for x in load("server_dialogues.json")["dialogues"] if "s_one_cc," in x["source"])
    vless = bytes.fromhex(dialogue["sent"][1])[4:-2]

    async def main() -> None:
        def serve(visit: Visit) -> None:
            visit.ex.respond(ResponseHead(200, (("content-type", "text/event-stream"),)))
            visit.on_body = lambda data: visit.send(b"\0\0hello" if data == vless else data)
            visit.on_end = visit.ex.end_body

        door = Door(serve)
        _, peer, wire = server_and_peer(door)
        replies = []
        for piece in dialogue["sent"]:
            before = len(peer.received)
            wire.write(bytes.fromhex(piece))
            await settle()
            replies.append(bytes(peer.received[before:]))
        assert replies[0].startswith(b"HTTP/1.1 200 OK\r\n")
        assert b"\r\nConnection: close\r\n" in replies[0]
        assert b"\r\nTransfer-Encoding: chunked\r\n" in replies[0]
        # From the real server these came in the same bytes; its head came with its first reading.
        assert replies[1:] == [bytes.fromhex(x) for x in dialogue["received"][1:]]
        assert peer.eof and dialogue["eof"]

    run(main())


def test_a_404_keeps_the_connection() -> None:
    """srv_h1_http.json s_paths, without its Date."""
    dialogue = next(x for x in load("server_dialogues.json")["dialogues"] if "s_paths" in x["source"])

    async def main() -> None:
        door = Door(lambda v: v.ex.respond(ResponseHead(404, (("content-length", "0"),)), end=True))
        _, peer, wire = server_and_peer(door)
        wire.write(bytes.fromhex(dialogue["sent"][0]) * 2)
        await settle()
        expected = re.sub(rb"Date: [^\r]*\r\n", b"", bytes.fromhex(dialogue["received"][0]))
        assert peer.received == expected * 2
        assert not peer.eof
        wire.close()
        await settle()

    run(main())


def test_http_1_0_gets_a_body_that_ends_with_the_connection() -> None:
    """srv_h1_http.json s_http10 closes; a length that is not known cannot be chunked (RFC 9112 6.1)."""

    async def main() -> None:
        def serve(visit: Visit) -> None:
            visit.ex.respond(ResponseHead(200))
            visit.ex.send_body(b"abc")
            visit.ex.end_body()

        _, peer, wire = server_and_peer(Door(serve))
        wire.write(b"GET / HTTP/1.0\r\n\r\n")
        await settle()
        assert peer.received == b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nabc" and peer.eof

    run(main())


def test_head_has_the_head_only() -> None:
    async def main() -> None:
        door = Door(says)
        _, peer, wire = server_and_peer(door)
        wire.write(GET.replace(b"GET", b"HEAD") + GET)
        await settle()
        head = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"
        assert peer.received == head + head + b"/a"
        assert [x.lost for x in door.visits if x.over] == [None, None]
        wire.close()

    run(main())


def test_an_empty_line_before_a_request_is_forgiven_once() -> None:
    """RFC 9112 section 2.2."""

    async def main() -> None:
        door = Door(empty)
        _, peer, wire = server_and_peer(door)
        wire.write(b"\r\n" + GET + b"\r\n" + GET)
        await settle()
        assert peer.received == OK * 2
        wire.write(b"\r\n\r\n" + GET)
        await settle()
        assert peer.received == OK * 2 + BAD and len(door.visits) == 2

    run(main())


# -- pipelining ------------------------------------------------------------------------------------


@given(cuts=st.lists(st.integers(0, 400), max_size=12), slow=st.booleans())
@settings(deadline=None, max_examples=60)
def test_pipelined_requests_are_answered_in_order_however_they_are_cut(cuts: list[int], slow: bool) -> None:
    stream = (
        b"GET /0 HTTP/1.1\r\nHost: h\r\n\r\n"
        b"POST /1 HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nGET /"
        b"POST /2 HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3;x\r\nabc\r\n0\r\nT: 1\r\n\r\n"
        b"\r\nGET /3 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
        b"GET /never HTTP/1.1\r\nHost: h\r\n\r\n"
    )

    async def main() -> None:
        def serve(visit: Visit) -> None:
            if slow:
                asyncio.get_running_loop().call_later(1, says, visit)
            else:
                visit.on_end = lambda: says(visit)

        door = Door(serve)
        _, peer, wire = server_and_peer(door)
        edges = [0, *sorted(min(x, len(stream)) for x in cuts), len(stream)]
        for start, end in itertools.pairwise(edges):
            wire.write(stream[start:end])
            await settle(3)
        await asyncio.sleep(10)
        assert [x.head.target for x in door.visits] == ["/0", "/1", "/2", "/3"]
        assert [bytes(x.body) for x in door.visits] == [b"", b"GET /", b"abc", b""]
        assert re.findall(rb"\r\n\r\n(/\d)", peer.received) == [b"/0", b"/1", b"/2", b"/3"]
        assert peer.received.count(b"Connection: close") == 1
        assert peer.eof and all(x.over and x.lost is None for x in door.visits)

    run(main())


def test_requests_that_wait_are_bounded_and_none_is_lost() -> None:
    async def main() -> None:
        door = Door()
        server, peer, wire = server_and_peer(door, window_bytes=4096)
        count = 20_000
        wire.write(GET * count)
        await settle(200)
        assert len(door.visits) == 1 and len(server._held) - server._held_at <= MAX_PIPELINED_BYTES + 4096
        assert wire.get_write_buffer_size() > len(GET) * count / 2
        door.on_visit = empty
        door.visits[0].answer()
        while len(door.visits) < count:
            await settle(1000)
        await settle()
        assert peer.received == OK * count
        wire.close()
        await settle()

    run(main())


def test_a_client_that_never_reads_its_answers_and_resets_is_no_error() -> None:
    """Xray's client with packet-up (wire spec 5.3)."""
    case = next(
        x for x in load("client_connections.json")["connections"] if "noresp" in x["source"] and len(x["requests"]) == 3
    )  # fmt: skip

    async def main() -> None:
        door = Door(empty)
        server, _, wire = server_and_peer(door)
        wire.pause_reading()
        for piece in case["received"]:
            wire.write(bytes.fromhex(piece))
        await settle()
        assert len(door.visits) == 3 and all(x.over and x.lost is None for x in door.visits)
        wire.abort()
        await settle()
        assert server.open_exchanges == 0

    run(main())


# -- what breaks the rules -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\nHost: h\n\n",
        b"GET / HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: h\r\nX: 1\r\n 2\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"nonsense\r\n\r\n",
    ],
)
@pytest.mark.parametrize("chunk_bytes", [None, 1])
def test_a_malformed_request_gets_a_bare_400_and_the_end(data: bytes, chunk_bytes: int | None) -> None:
    async def main() -> None:
        door = Door(empty)
        _, peer, wire = server_and_peer(door, chunk_bytes=chunk_bytes)
        wire.write(data + GET)
        await peer.got_eof()
        assert peer.received == BAD and not door.visits
        wire.close()
        await settle()

    run(main())


def test_a_head_that_is_too_long_gets_431() -> None:
    """The limits of srv_h1_http.json s_big_header: 12219 bytes pass, 13219 do not."""

    async def main(size: int) -> bytes:
        _, peer, wire = server_and_peer(Door(empty))
        start = b"GET / HTTP/1.1\r\nHost: h\r\nX: "
        wire.write(start + b"x" * (size - len(start) - 4) + b"\r\n\r\n")
        await settle()
        wire.close()
        await settle()
        return bytes(peer.received)

    assert run(main(12219)) == OK
    assert run(main(MAX_HEADER_BYTES)) == OK
    assert run(main(MAX_HEADER_BYTES + 1)).startswith(b"HTTP/1.1 431 ")
    assert run(main(13219)).startswith(b"HTTP/1.1 431 ")


def test_a_bad_chunk_before_the_answer_gets_400() -> None:
    async def main() -> None:
        door = Door()
        _, peer, wire = server_and_peer(door)
        wire.write(POST + b"1\r\naX")
        await settle()
        wire.write(b"Y\r\n")
        await settle()
        assert peer.received == BAD and peer.eof
        assert door.visits[0].lost is not None and door.visits[0].lost.code == "bad-http"

    run(main())


def test_a_bad_chunk_in_the_middle_of_the_answer_cuts_the_connection() -> None:
    async def main() -> None:
        door = Door(lambda v: v.ex.respond(ResponseHead(200)))
        _, peer, wire = server_and_peer(door)
        wire.write(POST)
        await settle()
        wire.write(b"zz\r\n")
        await settle()
        assert b"400" not in peer.received
        assert isinstance(peer.lost_exc, ConnectionResetError)
        assert door.visits[0].lost is not None and door.visits[0].lost.code == "bad-http"

    run(main())


@given(
    st.lists(st.binary(max_size=80) | st.sampled_from([GET, POST, b"\r\n", b"5\r\nhello\r\n", b"0\r\n\r\n"]))
)
@settings(deadline=None, max_examples=150)
def test_garbage_ends_in_answers_and_closes_only(pieces: list[bytes]) -> None:
    async def main() -> None:
        door = Door(empty)
        server, peer, wire = server_and_peer(door)
        for piece in pieces:
            if not peer.lost:
                wire.write(piece)
            await settle(4)
        await asyncio.sleep(HTTP_IDLE_TIMEOUT_S + HTTP_CLOSE_LINGER_S + 5)
        assert peer.eof or peer.lost
        wire.close()
        await settle()
        assert server.open_exchanges == 0 and all(x.over for x in door.visits)
        assert re.sub(rb"|".join(map(re.escape, (OK, BAD))), b"", peer.received) == b""

    run(main(), timeout_s=1e6)


def test_a_bad_chunk_behind_a_whole_answer_does_not_cost_the_answer() -> None:
    async def main() -> None:
        door = Door(empty)
        _, peer, wire = server_and_peer(door, latency_s=0.1)
        wire.write(POST + b"zz\r\n")
        await asyncio.sleep(0.15)
        wire.write(b"more")
        await asyncio.sleep(1)
        assert peer.received == OK and peer.eof and not peer.lost
        assert door.visits[0].lost is not None and door.visits[0].lost.code == "bad-http"
        await asyncio.sleep(HTTP_CLOSE_LINGER_S)

    run(main())


# -- bodies that nobody wants ----------------------------------------------------------------------


def _refuse(visit: Visit) -> None:
    visit.ex.respond(ResponseHead(413, (("content-length", "0"),)), end=True)


def test_a_refused_body_that_is_short_is_thrown_away() -> None:
    async def main() -> None:
        door = Door(_refuse)
        _, peer, wire = server_and_peer(door)
        wire.write(POST)
        await settle()
        assert peer.received.startswith(b"HTTP/1.1 413 ")
        door.on_visit = empty
        wire.write(b"3\r\nabc\r\n0\r\n\r\n" + GET)
        await settle()
        assert peer.received.endswith(OK) and len(door.visits) == 2
        assert door.visits[0].over and door.visits[0].lost is None
        wire.close()

    run(main())


def test_a_refused_body_that_does_not_stop_is_cut_behind_the_answer() -> None:
    async def main() -> None:
        door = Door(_refuse)
        _, peer, wire = server_and_peer(door)
        wire.write(POST)
        for _ in range(2 * MAX_REFUSED_BODY_BYTES // 1024):
            if not peer.lost:
                wire.write(b"400\r\n" + b"x" * 1024 + b"\r\n")
            await settle(3)
        assert len(door.visits[0].body) <= MAX_REFUSED_BODY_BYTES + 64 * 1024
        assert peer.received.startswith(b"HTTP/1.1 413 ")
        assert door.visits[0].lost is not None and door.visits[0].lost.code == "stream-reset"
        await asyncio.sleep(HTTP_CLOSE_LINGER_S + 1)
        assert peer.lost

    run(main())


def test_a_refused_body_that_is_announced_as_long_is_not_read() -> None:
    """srv_h1_packet.json s_packet_up_too_large: 413, Connection: close, the end."""

    async def main() -> None:
        door = Door(_refuse)
        _, peer, wire = server_and_peer(door)
        wire.write(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000001\r\n\r\n")
        await settle()
        assert peer.received == (
            b"HTTP/1.1 413 Request Entity Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        )
        assert peer.eof and door.visits[0].over
        wire.write(b"x" * 1000)  # it was under way: our answer must not be lost to a reset
        await settle()
        assert not peer.lost
        await asyncio.sleep(HTTP_CLOSE_LINGER_S + 1)
        assert peer.lost

    run(main())


def test_a_client_that_waits_for_100_is_told_to_go_on() -> None:
    """RFC 9110 section 10.1.1."""

    async def main() -> None:
        door = Door()
        _, peer, wire = server_and_peer(door)
        wire.write(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
        await settle()
        assert peer.received == b"HTTP/1.1 100 Continue\r\n\r\n"
        wire.write(b"ab")
        await settle()
        assert door.visits[0].body == b"ab" and door.visits[0].ended
        door.visits[0].answer()
        await settle()
        assert peer.received == b"HTTP/1.1 100 Continue\r\n\r\n" + OK
        wire.close()

    run(main())


def test_100_stands_before_an_answer_that_begins_at_once() -> None:
    async def main() -> None:
        door = Door(lambda v: v.ex.respond(ResponseHead(200)))
        _, peer, wire = server_and_peer(door)
        wire.write(POST[:-2] + b"Expect: 100-continue\r\n\r\n")
        await settle()
        assert peer.received.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n")
        wire.abort()
        await settle()

    run(main())


def test_a_client_that_waits_and_is_refused_gets_no_100() -> None:
    async def main() -> None:
        door = Door(_refuse)
        _, peer, wire = server_and_peer(door)
        wire.write(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
        await settle()
        assert peer.received.startswith(b"HTTP/1.1 413 ") and b"Connection: close" in peer.received
        assert peer.eof and door.visits[0].over

    run(main())


def test_what_comes_after_the_last_answer_is_thrown_away_up_to_a_limit() -> None:
    async def main() -> None:
        _, peer, wire = server_and_peer(Door(_refuse))
        wire.write(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9999999\r\n\r\n")
        await settle()
        wire.write(bytes(MAX_REFUSED_BODY_BYTES))
        await settle(100)
        assert peer.eof and not peer.lost
        wire.write(b"x")
        await settle()
        assert isinstance(peer.lost_exc, ConnectionResetError)

    run(main())


def test_a_request_behind_the_last_one_is_not_held() -> None:
    async def main() -> None:
        door = Door()
        server, peer, wire = server_and_peer(door)
        wire.write(GET[:-2] + b"Connection: close\r\n\r\n" + GET * 10_000)
        await settle(100)
        assert not server._held and wire.get_write_buffer_size() == 0
        door.visits[0].answer()
        await settle()
        assert peer.eof and len(door.visits) == 1

    run(main())
