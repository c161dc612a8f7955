"""The gate behind the real server: what a client on a socket sees."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.api.gate.scene import POLICY, Scene
from tests.kit.clock import real_run
from tunnel_whisperer.api.serving import serving
from tunnel_whisperer.api.threshold import bind_port

MIB = 1024 * 1024
Act = Callable[[Scene, int], Awaitable[None]]


@pytest.fixture
def served(tmp_path: Path) -> Callable[[Act], None]:
    """Run something against a gate that listens on a port of its own."""

    async def main(act: Act) -> None:
        sock = bind_port("127.0.0.1", 0)
        port = int(sock.getsockname()[1])
        scene = Scene(tmp_path / "dashboard", replace(POLICY, port=port))
        async with serving(scene.guard, sock, asyncio.Event()):
            await act(scene, port)

    return lambda act: real_run(main(act))


def _head(method: str, path: str, port: int, *lines: str) -> bytes:
    return "\r\n".join([f"{method} {path} HTTP/1.1", f"Host: 127.0.0.1:{port}", *lines, "", ""]).encode()


async def _talk(port: int, data: bytes) -> bytes:
    """Everything that comes back until the server ends it; the client ends its own direction first."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(data)
    if b"Upgrade" not in data:
        writer.write_eof()
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer


async def _upload(port: int, head: bytes, piece: bytes, count: int) -> tuple[bytes, int]:
    """Send as much as the server takes; what it answered, and how many pieces left."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    sent = 0
    try:
        writer.write(head)
        for _ in range(count):
            if reader.at_eof():
                break
            writer.write(piece)
            await writer.drain()
            sent += 1
    except ConnectionError:
        pass
    try:
        answer = await reader.read(65536)
    except ConnectionError:
        answer = b""
    writer.transport.abort()
    return answer, sent


def test_an_answer_names_no_server(served: Callable[[Act], None]) -> None:
    async def act(scene: Scene, port: int) -> None:
        bearer = f"Authorization: Bearer {scene.token.secret}"
        answer = (await _talk(port, _head("GET", "/api/v1/x", port, bearer))).lower()
        assert answer.startswith(b"http/1.1 200 ")
        assert b"\r\nserver:" not in answer
        assert answer.count(b"content-security-policy:") == 1
        assert (await _talk(port, _head("GET", "/api/v1/x", port))).startswith(b"HTTP/1.1 401 ")

    served(act)


@pytest.mark.parametrize(
    "lines",
    [
        ["Host: evil.example"],
        ["Content-Length: 5", "Transfer-Encoding: chunked"],
        ["Content-Length: 5", "Content-Length: 6"],
        ["Transfer-Encoding: chunked, identity"],
        ["Content-Length: 0x10"],
        [" folded: x"],
        ["no colon"],
        ["a b: c"],
    ],
)
def test_smuggling_gets_nowhere(served: Callable[[Act], None], lines: list[str]) -> None:
    async def act(scene: Scene, port: int) -> None:
        head = _head("POST", "/api/v1/x", port, *lines, f"Authorization: Bearer {scene.token.secret}")
        inner = _head("DELETE", "/api/v1/users/alice", port, f"Authorization: Bearer {scene.token.secret}")
        answer = await _talk(port, head + b"0\r\n\r\n" + inner)
        assert not answer.startswith(b"HTTP/1.1 2")
        assert scene.reached == []

    served(act)


def test_100_mb_with_a_length_are_refused_at_once(served: Callable[[Act], None]) -> None:
    async def act(scene: Scene, port: int) -> None:
        bearer = f"Authorization: Bearer {scene.token.secret}"
        head = _head("POST", "/api/v1/x", port, bearer, f"Content-Length: {100 * MIB}")
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(head)  # an honest client waits, and is told
        answer = await reader.read()
        assert answer.startswith(b"HTTP/1.1 413 ")
        writer.close()
        await writer.wait_closed()
        _, sent = await _upload(port, head, bytes(65536), 1600)
        assert sent < 1600
        assert scene.reached == []

    served(act)


def test_100_mb_in_chunks_are_cut(served: Callable[[Act], None]) -> None:
    async def act(scene: Scene, port: int) -> None:
        bearer = f"Authorization: Bearer {scene.token.secret}"
        head = _head("POST", "/api/v1/x", port, bearer, "Transfer-Encoding: chunked")
        answer, sent = await _upload(port, head, b"10000\r\n" + bytes(65536) + b"\r\n", 1600)
        assert answer == b"" or answer.startswith(b"HTTP/1.1 413 ")
        assert sent < 1600
        assert scene.received <= MIB

    served(act)


def test_a_websocket_of_another_page_gets_403(served: Callable[[Act], None]) -> None:
    async def act(scene: Scene, port: int) -> None:
        cookie = f"Cookie: {scene.policy.cookie}={scene.browser.secret}"
        upgrade = ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
                   "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", cookie]  # fmt: skip
        foreign = await _talk(port, _head("GET", "/terminal", port, *upgrade, "Origin: http://evil.example"))
        assert foreign.startswith(b"HTTP/1.1 403 ")
        assert scene.reached == []
        own = f"Origin: http://127.0.0.1:{port}"
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(_head("GET", "/terminal", port, *upgrade, own))
        assert (await reader.readline()) == b"HTTP/1.1 101 Switching Protocols\r\n"
        writer.close()
        await writer.wait_closed()

    served(act)
