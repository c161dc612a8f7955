"""What both sides of an HTTP/1.1 connection share: the two joined, or one with h11 or the standard library."""

from __future__ import annotations

import asyncio
import hashlib
import http.client
import random
from typing import Any

import h11
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.kit.clock import real_run, run
from tests.net.h1_kit import Door, Visit, Witness, empty, pair, settle
from tunnel_whisperer.base.limits import FLUSH_BYTES, PATH_WINDOW_BYTES, STREAM_HIGH_WATER_BYTES
from tunnel_whisperer.net.h1_client import H1ClientConnection
from tunnel_whisperer.net.h1_server import H1ServerConnection
from tunnel_whisperer.wire.http import RequestHead, ResponseHead

MB = 1024 * 1024


def _echo(visit: Visit) -> None:
    visit.ex.grow_window(PATH_WINDOW_BYTES)
    visit.ex.respond(ResponseHead(200, (("x-seen", visit.head.target),)))
    visit.on_body = visit.send
    visit.on_end = visit.ex.end_body


def _ask(client: H1ClientConnection, head: RequestHead, *, end: bool = False) -> Witness:
    witness = Witness()
    witness.exchange = client.request(head, witness, end=end)
    return witness


@pytest.mark.parametrize("chunk_bytes", [None, 1, 7])
def test_an_echo_byte_by_byte_in_both_directions(chunk_bytes: int | None) -> None:
    async def main() -> None:
        door = Door(_echo)
        client, _ = pair(door, chunk_bytes=chunk_bytes, latency_s=0.001)
        for i in range(3):
            stream = _ask(client, RequestHead("POST", f"/{i}?q", "h.test", "http", (("x-a", "1"),)))
            for piece in (b"one", b"", b"two" * 100, b"\r\n0\r\n\r\n"):
                stream.send(piece)
                await asyncio.sleep(0.05)
            assert stream.response == ResponseHead(200, (("x-seen", f"/{i}?q"),))
            assert stream.exchange is not None
            stream.exchange.end_body()
            await asyncio.sleep(5)
            assert stream.body == b"one" + b"two" * 100 + b"\r\n0\r\n\r\n"
            assert stream.over and stream.lost is None and client.can_request
            visit = door.visits[i]
            assert visit.head == RequestHead("POST", f"/{i}?q", "h.test", "http", (("x-a", "1"),))
            assert visit.over and visit.lost is None
        client.close()
        await asyncio.sleep(1)

    run(main())


def test_much_in_both_directions_at_once() -> None:
    async def main() -> None:
        client, _ = pair(Door(_echo))
        data = random.Random(1).randbytes(8 * MB)
        stream = _ask(client, RequestHead("POST", "/", "h", close_connection=True))
        assert stream.exchange is not None
        for i in range(0, len(data), 50_000):
            stream.send(data[i : i + 50_000])
        stream.exchange.end_body()
        while not stream.over:
            await settle(100)
        assert hashlib.sha256(stream.body).digest() == hashlib.sha256(data).digest()
        assert stream.lost is None and not client.can_request
        await asyncio.sleep(1)

    run(main())


def test_what_is_under_way_is_bounded_by_the_window_and_the_buffers() -> None:
    async def main() -> None:
        door = Door(acknowledge=False)
        client, _ = pair(door)
        stream = _ask(client, RequestHead("POST", "/", "h"))
        assert stream.exchange is not None
        stream.send(bytes(4 * MB))
        await settle(500)
        held = len(door.visits[0].body)
        under_way = 4 * MB - stream.exchange.unsent_bytes - held
        assert held <= 128 * 1024  # a stranger's window, and one read
        assert under_way <= STREAM_HIGH_WATER_BYTES + FLUSH_BYTES + 64 * 1024
        client.abort()
        await settle()
        assert stream.lost is not None and not door.visits[0].over  # it does not look
        door.visits[0].ex.acknowledge(held)
        await settle()
        assert door.visits[0].lost is not None

    run(main())


def test_progress_is_told_until_everything_has_left() -> None:
    async def main() -> None:
        client, _ = pair(Door(_echo))
        stream = _ask(client, RequestHead("POST", "/", "h"))
        seen: list[int] = []
        assert stream.exchange is not None
        exchange = stream.exchange
        stream.on_progress = lambda: seen.append(exchange.unsent_bytes)
        stream.send(bytes(2 * MB))
        assert not seen and exchange.unsent_bytes == 2 * MB
        await settle(500)
        assert seen == sorted(seen, reverse=True) and seen[-1] == 0 and len(set(seen)) == len(seen)
        exchange.end_body()
        await settle(50)
        assert seen[-2:] == [0, 0]  # the end counts as well
        assert stream.over
        client.close()
        await settle()

    run(main())


_sides = st.lists(st.sampled_from(["c", "s", "C", "S", "turn"]), max_size=20)


@given(steps=_sides, chunk_bytes=st.sampled_from([None, 1, 5]))
@settings(deadline=None, max_examples=100)
def test_both_sides_may_speak_and_end_in_any_order(steps: list[str], chunk_bytes: int | None) -> None:
    async def main() -> None:
        door = Door(lambda v: v.ex.respond(ResponseHead(200)))
        client, _ = pair(door, chunk_bytes=chunk_bytes)
        stream = _ask(client, RequestHead("POST", "/", "h"))
        await settle(200)
        visit = door.visits[0]
        sent, ended = {"c": b"", "s": b""}, {"c": False, "s": False}
        sides: dict[str, Witness] = {"c": stream, "s": visit}
        for step in [*steps, "C", "S"]:
            if step == "turn":
                await settle(2)
                continue
            side = step.lower()
            exchange = sides[side].exchange
            assert exchange is not None
            if ended[side]:
                continue
            if step.isupper():
                exchange.end_body()
                ended[side] = True
            else:
                piece = b"%d " % len(sent[side])
                sides[side].send(piece)
                sent[side] += piece
        await settle(1000)
        assert (bytes(visit.body), bytes(stream.body)) == (sent["c"], sent["s"])
        assert visit.over and stream.over and visit.lost is None and stream.lost is None
        assert client.can_request
        client.close()
        await settle()

    run(main())


class _H11Server(asyncio.Protocol):
    """Answers each request with its body, by h11."""

    def __init__(self) -> None:
        self.connection = h11.Connection(h11.SERVER)
        self.body = b""
        self.transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.connection.receive_data(data)
        while True:
            event = self.connection.next_event()
            if event in (h11.NEED_DATA, h11.PAUSED) or isinstance(event, h11.ConnectionClosed):
                return
            if isinstance(event, h11.Data):
                self.body += bytes(event.data)
            if isinstance(event, h11.EndOfMessage):
                head = h11.Response(status_code=200, headers=[("Transfer-Encoding", "chunked")])
                for reply in (head, h11.Data(data=self.body), h11.EndOfMessage()):
                    self.transport.write(self.connection.send(reply))
                self.body = b""
                if self.connection.our_state is h11.DONE:
                    self.connection.start_next_cycle()


def test_our_client_with_h11_s_server() -> None:
    async def main() -> None:
        from tests.kit.pipe import connect

        client = H1ClientConnection()
        connect(client, _H11Server(), chunk_bytes=11)
        for length in (None, 5000):
            headers = () if length is None else (("content-length", str(length)),)
            stream = _ask(client, RequestHead("POST", "/", "h", headers=headers))
            assert stream.exchange is not None
            for _ in range(50):
                stream.send(b"x" * 100)
                await settle(1)
            stream.exchange.end_body()
            await settle(5000)
            assert stream.body == b"x" * 5000 and stream.over and stream.lost is None
        client.close()
        await settle()

    run(main())


def test_our_server_with_the_standard_library_s_client() -> None:
    """http.client on loopback: keep-alive, chunked upload, length, HEAD, 404 with a body refused."""

    def talk(port: int) -> list[tuple[int, bytes, str | None]]:
        connection, seen = http.client.HTTPConnection("127.0.0.1", port, timeout=10), []
        for method, path, body in (
            ("POST", "/", iter([b"abc", b"def" * 10_000])),
            ("PUT", "/", b"y" * 300_000),
            ("GET", "/", None),
            ("HEAD", "/", None),
            ("POST", "/404", b"z" * 100_000),
            ("GET", "/last", None),
        ):
            connection.request(method, path, body=body, headers={"X-M": method})
            response = connection.getresponse()
            seen.append((response.status, response.read(), response.getheader("x-seen")))
        connection.close()
        return seen

    def serve(visit: Visit) -> None:
        if visit.head.target == "/404":
            visit.ex.respond(ResponseHead(404, (("content-length", "0"),)), end=True)
        else:
            _echo(visit)

    async def main() -> None:
        door = Door(serve)
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: H1ServerConnection(door), "127.0.0.1", 0)
        seen = await asyncio.to_thread(talk, server.sockets[0].getsockname()[1])
        assert seen == [
            (200, b"abc" + b"def" * 10_000, "/"),
            (200, b"y" * 300_000, "/"),
            (200, b"", "/"),
            (200, b"", "/"),
            (404, b"", None),
            (200, b"", "/last"),
        ]
        await asyncio.sleep(0.05)
        server.close()
        await server.wait_closed()
        assert all(x.over and x.lost is None for x in door.visits)

    real_run(main())


def test_nothing_is_left_behind_by_many_short_connections() -> None:
    async def main() -> None:
        loop: Any = asyncio.get_running_loop()
        before = list(loop._scheduled)
        for i in range(200):
            client, _ = pair(Door(empty))
            answer = _ask(client, RequestHead("GET", "/", "h", close_connection=bool(i % 2)), end=True)
            await settle(12)
            assert answer.over
            client.close()
        await settle()
        assert [x for x in loop._scheduled if not x.cancelled()] == before

    run(main())
