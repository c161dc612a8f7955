from __future__ import annotations

import asyncio
import itertools
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.kit.clock import run
from tests.net.h1_kit import Witness, client_and_peer, dechunk, holds, load, settle
from tunnel_whisperer.base.errors import Misuse, Unreachable
from tunnel_whisperer.base.limits import HTTP_CLOSE_LINGER_S, MAX_INTERIM_RESPONSES, PATH_WINDOW_BYTES
from tunnel_whisperer.net.h1_client import H1ClientConnection
from tunnel_whisperer.wire.http import RequestHead

GET = RequestHead("GET", "/a", "h")
POST = RequestHead("POST", "/a", "h")
CHUNKED_200 = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
EMPTY_200 = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


def ask(client: H1ClientConnection, head: RequestHead, *, end: bool = True, **options: Any) -> Witness:
    witness = Witness(**options)
    witness.exchange = client.request(head, witness, end=end)
    return witness


def exchange_of(witness: Witness) -> Any:
    assert witness.exchange is not None
    return witness.exchange


@pytest.mark.parametrize("chunk_bytes", [None, 1])
@pytest.mark.parametrize("case", load("server_dialogues.json")["dialogues"], ids=lambda x: x["source"])
def test_the_real_server_is_understood(case: Any, chunk_bytes: int | None) -> None:
    sent = b"".join(bytes.fromhex(x) for x in case["sent"])
    method, target, _ = sent.split(b"\r\n")[0].decode().split(" ")
    received = b"".join(bytes.fromhex(x) for x in case["received"])
    head, _, rest = received.partition(b"\r\n\r\n")
    chunked = b"Transfer-Encoding: chunked" in head
    first_only = received if chunked else head + b"\r\n\r\n"

    async def main() -> None:
        client, _, wire = client_and_peer(chunk_bytes=chunk_bytes)
        answer = ask(client, RequestHead(method, target, "h", close_connection=case["eof"]))
        await settle()
        wire.write(first_only)
        await settle(3000)
        assert answer.response is not None
        assert str(answer.response.status) == head.split(b" ")[1].decode()
        assert answer.body == (dechunk(rest) if chunked else b"")
        if not rest.endswith(b"0\r\n\r\n") and chunked:  # cut short by the probe's own close
            assert not answer.ended
            wire.close()
            await settle()
            assert answer.lost is not None
            return
        assert answer.ended and answer.over and answer.lost is None
        assert client.can_request is not (b"Connection: close" in head or b"HTTP/1.0" in head)
        wire.close()
        await settle()

    run(main())


def test_an_answer_is_received_while_the_request_is_sent() -> None:
    async def main() -> None:
        client, peer, wire = client_and_peer()
        stream = ask(client, POST, end=False)
        await settle()
        wire.write(CHUNKED_200 + b"2\r\nhi\r\n")
        await settle()
        assert stream.response is not None and stream.body == b"hi"
        stream.send(b"more")
        await settle()
        assert peer.received.endswith(b"\r\n\r\n4\r\nmore\r\n")
        wire.write(b"0\r\n\r\n")
        await settle()
        assert holds(stream.ended and not stream.over and not client.can_request)
        stream.send(b"still")
        exchange_of(stream).end_body()
        await settle()
        assert peer.received.endswith(b"5\r\nstill\r\n0\r\n\r\n")
        assert stream.over and stream.lost is None and client.can_request
        client.close()
        await settle()
        assert peer.eof

    run(main())


def test_exchanges_one_after_the_other() -> None:
    async def main() -> None:
        client, peer, wire = client_and_peer()
        for i in range(3):
            assert holds(client.can_request and client.open_exchanges == 0)
            answer = ask(
                client, RequestHead("POST", f"/{i}", "h", headers=(("content-length", "2"),)), end=False
            )
            assert not client.can_request and client.open_exchanges == 1
            with pytest.raises(Unreachable) as caught:
                ask(client, GET)
            assert caught.value.code == "too-many"
            answer.send(b"ab")
            exchange_of(answer).end_body()
            await settle()
            assert answer.progressed == 1 and exchange_of(answer).unsent_bytes == 0
            wire.write(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nxyz")
            await settle()
            assert answer.body == b"xyz" and answer.over and answer.lost is None
        assert peer.received.count(b"Content-Length: 2\r\n\r\nab") == 3
        client.close()
        with pytest.raises(Unreachable) as caught:
            ask(client, GET)
        assert caught.value.code == "link-lost"
        await settle()

    run(main())


@pytest.mark.parametrize("ours", [True, False])
def test_the_connection_ends_with_an_exchange_that_closes_it(ours: bool) -> None:
    async def main() -> None:
        client, peer, wire = client_and_peer()
        answer = ask(client, RequestHead("GET", "/a", "h", close_connection=ours))
        await settle()
        assert (b"\r\nConnection: close\r\n" in peer.received) is ours
        wire.write(
            b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n%s\r\n" % (b"" if ours else b"Connection: close\r\n")
        )
        await settle()
        assert answer.over and answer.lost is None and not client.can_request and peer.eof

    run(main())


def test_interim_responses_are_skipped() -> None:
    async def main() -> None:
        client, _, wire = client_and_peer()
        answer = ask(client, GET)
        await settle()
        wire.write(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + EMPTY_200)
        await settle()
        assert answer.response is not None and answer.response.status == 200 and answer.over
        for _ in range(2):
            answer = ask(client, GET)
            await settle()
            wire.write(b"HTTP/1.1 102 Processing\r\n\r\n" * MAX_INTERIM_RESPONSES + EMPTY_200)
            await settle()
            assert answer.lost is None and answer.over
        answer = ask(client, GET)
        await settle()
        wire.write(b"HTTP/1.1 102 Processing\r\n\r\n" * (MAX_INTERIM_RESPONSES + 1))
        await settle()
        assert answer.lost is not None and answer.lost.code == "bad-http"

    run(main())


def test_the_answer_to_head_has_no_body() -> None:
    async def main() -> None:
        client, _, wire = client_and_peer()
        answer = ask(client, RequestHead("HEAD", "/", "h"))
        await settle()
        wire.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n")
        await settle()
        assert answer.over and answer.lost is None and client.can_request
        client.close()
        await settle()

    run(main())


def test_a_body_may_end_with_the_connection() -> None:
    """RFC 9112 section 6.3, rule 8."""

    async def main() -> None:
        client, _, wire = client_and_peer()
        answer = ask(client, GET)
        await settle()
        wire.write(b"HTTP/1.0 200 OK\r\n\r\nabc")
        await settle()
        assert holds(answer.body == b"abc" and not answer.ended)
        wire.close()
        await settle()
        assert answer.ended and answer.over and answer.lost is None

    run(main())


def test_a_reset_in_such_a_body_is_a_loss() -> None:
    async def main() -> None:
        client, _, wire = client_and_peer()
        answer = ask(client, GET)
        await settle()
        wire.write(b"HTTP/1.0 200 OK\r\n\r\nabc")
        await settle()
        wire.abort()
        await settle()
        assert not answer.ended and answer.lost is not None and answer.lost.code == "link-lost"

    run(main())


@pytest.mark.parametrize(
    "received",
    [
        b"",
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab",
        CHUNKED_200 + b"2\r\nab\r\n",
        CHUNKED_200 + b"2\r\nab\r\n0\r\n",
    ],
)
def test_an_end_in_the_middle_of_an_answer_is_a_loss(received: bytes) -> None:
    async def main() -> None:
        client, _, wire = client_and_peer()
        answer = ask(client, GET)
        await settle()
        wire.write(received)
        wire.close()
        await settle()
        assert not answer.ended and answer.lost is not None and answer.lost.code == "link-lost"
        assert not client.can_request

    run(main())


def test_an_end_before_our_body_is_sent_is_a_loss_behind_the_whole_answer() -> None:
    """srv_h1_stream.json s_one_cc_target_closes: the server ends its answer and the connection."""

    async def main() -> None:
        client, _, wire = client_and_peer()
        stream = ask(client, POST, end=False)
        await settle()
        wire.write(CHUNKED_200 + b"3\r\nbye\r\n0\r\n\r\n")
        wire.close()
        await settle()
        assert stream.body == b"bye" and stream.ended
        assert stream.lost is not None and stream.lost.code == "link-lost"

    run(main())


def test_an_idle_connection_that_the_server_ends_takes_no_more_requests() -> None:
    async def main() -> None:
        client, _, wire = client_and_peer()
        wire.close()
        await settle()
        assert not client.can_request
        other, _, wire = client_and_peer()
        wire.write(b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n")
        await settle()
        assert not other.can_request

    run(main())


@pytest.mark.parametrize(
    "received",
    [
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 200 OK\nContent-Length: 0\n\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 20000,
        b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
        CHUNKED_200 + b"zz\r\n",
        EMPTY_200 + EMPTY_200,
    ],
)
@pytest.mark.parametrize("chunk_bytes", [None, 1])
def test_an_answer_that_breaks_the_rules_ends_the_connection(
    received: bytes, chunk_bytes: int | None
) -> None:
    async def main() -> None:
        client, peer, wire = client_and_peer(chunk_bytes=chunk_bytes)
        stream = ask(client, POST, end=False)
        await settle()
        wire.write(received)
        await settle(100)
        assert stream.lost is not None and stream.lost.code == "bad-http"
        assert peer.lost and not client.can_request

    run(main())


def test_bytes_before_our_request_has_left_are_no_answer_to_it() -> None:
    async def main() -> None:
        client, _, wire = client_and_peer()
        wire.write(EMPTY_200)
        answer = ask(client, GET)
        client.pause_writing()
        await settle()
        assert answer.response is None and answer.lost is not None and answer.lost.code == "bad-http"

    run(main())


def test_heads_that_cannot_be_sent_leave_the_connection_as_it_was() -> None:
    async def main() -> None:
        client, peer, _ = client_and_peer()
        with pytest.raises(Misuse):
            ask(client, RequestHead("GET", "/a\r\nX: 1", "h"))
        await settle()
        assert client.can_request and not peer.received
        client.close()
        await settle()

    run(main())


def test_reset_cuts_the_connection_and_tells_nobody() -> None:
    async def main() -> None:
        client, peer, _ = client_and_peer()
        stream = ask(client, POST, end=False)
        await settle()
        stream.send(b"x")
        exchange_of(stream).reset()
        exchange_of(stream).reset()
        await settle()
        assert isinstance(peer.lost_exc, ConnectionResetError)
        assert not stream.over and not client.can_request and client.open_exchanges == 0

    run(main())


def test_reset_behind_a_whole_request_lets_it_arrive() -> None:
    async def main() -> None:
        client, peer, _ = client_and_peer()
        stream = ask(client, POST, end=False)
        stream.send(b"x")
        await settle()
        exchange_of(stream).end_body()
        exchange_of(stream).reset()
        await settle()
        assert peer.received.endswith(b"1\r\nx\r\n0\r\n\r\n") and peer.eof
        assert not stream.over
        await asyncio.sleep(HTTP_CLOSE_LINGER_S + 1)

    run(main())


def test_close_lets_the_exchange_under_way_end() -> None:
    async def main() -> None:
        client, peer, wire = client_and_peer()
        answer = ask(client, GET)
        client.close()
        await settle()
        assert peer.received and not peer.eof and not client.can_request
        wire.write(EMPTY_200)
        await settle()
        assert answer.over and answer.lost is None and peer.eof

    run(main())


def test_abort_loses_the_exchange_but_not_from_inside_the_call() -> None:
    async def main() -> None:
        client, _, _ = client_and_peer()
        answer = ask(client, GET)
        client.abort()
        assert not answer.over
        await settle()
        assert answer.lost is not None and answer.lost.code == "link-lost"
        assert not client.can_request

    run(main())


def test_a_client_has_no_deadline() -> None:
    async def main() -> None:
        client, _, wire = client_and_peer()
        answer = ask(client, GET)
        await asyncio.sleep(1e6)
        assert not answer.over
        wire.write(EMPTY_200)
        await asyncio.sleep(1e6)
        assert client.can_request
        client.close()
        await settle()

    run(main(), timeout_s=1e7)


def test_a_handler_that_fails_loses_its_exchange() -> None:
    def fails(_: bytes) -> None:
        raise RuntimeError("a bug above")

    async def main() -> None:
        client, peer, wire = client_and_peer()
        answer = ask(client, GET)
        answer.on_body = fails
        await settle()
        wire.write(CHUNKED_200 + b"1\r\na\r\n1\r\nb\r\n")
        await settle()
        assert answer.lost is not None and answer.lost.code == "internal" and peer.lost

    run(main())


def test_a_handler_that_does_not_acknowledge_stops_the_server() -> None:
    async def main() -> None:
        client, _, wire = client_and_peer()
        answer = ask(client, GET, acknowledge=False)
        await settle()
        total = PATH_WINDOW_BYTES + 4 * 1024 * 1024
        wire.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % total + bytes(total))
        await settle(2000)
        assert PATH_WINDOW_BYTES < len(answer.body) <= PATH_WINDOW_BYTES + 64 * 1024
        exchange_of(answer).acknowledge(len(answer.body))
        await settle(2000)
        assert len(answer.body) == total and answer.over
        client.close()
        await settle()

    run(main())


@given(cuts=st.lists(st.integers(0, 300), max_size=12))
@settings(deadline=None, max_examples=60)
def test_cuts_do_not_matter(cuts: list[int]) -> None:
    stream = (
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-A: 1\r\n\r\n"
        b"5;x=y\r\nhello\r\nb\r\n, HTTP/1.1 \r\n0\r\nT: 1\r\n\r\n"
    )

    async def main() -> None:
        client, _, wire = client_and_peer()
        answer = ask(client, GET)
        await settle()
        for start, end in itertools.pairwise([0, *sorted(min(x, len(stream)) for x in cuts), len(stream)]):
            wire.write(stream[start:end])
            await settle(2)
        assert answer.body == b"hello, HTTP/1.1 " and answer.over and answer.lost is None
        assert client.can_request
        client.close()
        await settle()

    run(main())


@given(
    st.lists(st.binary(max_size=60) | st.sampled_from([EMPTY_200, CHUNKED_200, b"1\r\na\r\n", b"0\r\n\r\n"]))
)
@settings(deadline=None, max_examples=150)
def test_garbage_ends_in_answers_and_losses_only(pieces: list[bytes]) -> None:
    async def main() -> None:
        client, peer, wire = client_and_peer()
        answers = [ask(client, GET)]
        await settle()
        for piece in pieces:
            if not peer.lost:
                wire.write(piece)
            await settle(4)
            if client.can_request:
                answers.append(ask(client, GET))
                await settle(4)
        wire.close()
        await settle()
        assert all(x.over for x in answers) and client.open_exchanges == 0
        assert all(x.lost is None or x.lost.code in ("bad-http", "link-lost") for x in answers)
        assert re.sub(rb"GET /a HTTP/1\.1\r\nHost: h\r\n\r\n", b"", peer.received) == b""

    run(main())
