"""nghttp2's programs and curl against our HTTP/2 server, on loopback, plain and over TLS."""

from __future__ import annotations

import asyncio
import random
import re
import shutil
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
import uvloop

from tests.interop.conftest import Pki
from tests.kit.clock import real_run
from tunnel_whisperer.base.errors import TwError
from tunnel_whisperer.base.values import HostPort
from tunnel_whisperer.net.http import Exchange, ExchangeHandler
from tunnel_whisperer.net.http_front import HttpFront
from tunnel_whisperer.net.listener import Listener
from tunnel_whisperer.net.tls import server_context
from tunnel_whisperer.wire.http import RequestHead, ResponseHead

pytestmark = pytest.mark.interop

LOOPS: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {
    "asyncio": asyncio.SelectorEventLoop,
    "uvloop": uvloop.new_event_loop,
}
on_both_loops = pytest.mark.parametrize("loop", LOOPS)
both_ways = pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])

BIG = 20_000_000


class Origin:
    """``POST`` is echoed, ``GET /<n>`` gives n bytes, all else is 404.

    Bytes are acknowledged when they were sent back, so the windows of both directions are at work.
    """

    def __init__(self, head: RequestHead, exchange: Exchange) -> None:
        self._exchange = exchange
        self._echoes = head.method == "POST"
        self._left = 0
        self._unacknowledged = 0
        size = head.target[1:]
        if self._echoes:
            exchange.respond(ResponseHead(200))
        elif size == "0":
            exchange.respond(ResponseHead(200, (("content-length", size),)), end=True)
        elif size.isdigit():
            exchange.respond(ResponseHead(200, (("content-length", size),)))
            self._left = int(size)
            self._refill()
        else:
            exchange.respond(ResponseHead(404, (("x-reason", "nothing here"),)), end=True)

    def _refill(self) -> None:
        while self._left and self._exchange.unsent_bytes < 300_000:
            piece = min(self._left, 100_000)
            self._left -= piece
            self._exchange.send_body(b"z" * piece)
            if not self._left:
                self._exchange.end_body()

    def response_received(self, head: ResponseHead) -> None:
        raise AssertionError("a server receives no responses")

    def body_received(self, data: bytes) -> None:
        if self._echoes:
            self._exchange.send_body(data)
            self._unacknowledged += len(data)
        else:
            self._exchange.acknowledge(len(data))

    def body_progressed(self) -> None:
        if self._echoes:
            done = self._unacknowledged - self._exchange.unsent_bytes
            self._unacknowledged -= done
            self._exchange.acknowledge(done)
        else:
            self._refill()

    def body_ended(self) -> None:
        if self._echoes:
            self._exchange.end_body()

    def exchange_lost(self, exc: TwError | None) -> None:
        pass


def accept(head: RequestHead, exchange: Exchange) -> ExchangeHandler:
    return Origin(head, exchange)


async def output(*arguments: object, timeout_s: float = 60) -> bytes:
    """Run a program to its end; skip the test if it is not installed."""
    name = str(arguments[0])
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"{name} is not installed")
    process = await asyncio.create_subprocess_exec(
        path,
        *map(str, arguments[1:]),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(timeout_s):
            out, _ = await process.communicate()
    except BaseException:
        process.kill()
        await process.wait()
        raise
    assert process.returncode == 0, out[-3000:]
    return out


async def program(*arguments: object) -> str:
    """The same, as text."""
    return (await output(*arguments)).decode(errors="replace")


def against(loop: str, pki: Pki | None, use: Callable[[str], Coroutine[Any, Any, None]]) -> None:
    """Serve, and let ``use(url)`` run its programs."""

    async def scenario() -> None:
        context = None
        if pki is not None:
            context = server_context(pki.certificate, pki.key, [], alpn=("h2", "http/1.1"))
        listener = Listener(HostPort("127.0.0.1", 0), lambda: HttpFront(accept), context=context)
        address = await listener.start()
        try:
            await use(f"{'https' if pki else 'http'}://127.0.0.1:{address.port}")
        finally:
            await listener.close()
            await asyncio.sleep(0.05)

    real_run(scenario(), timeout_s=120, loop_factory=LOOPS[loop])


@on_both_loops
@both_ways
def test_nghttp_gets_several_answers_at_once(loop: str, tls: bool, pki: Pki) -> None:
    async def use(url: str) -> None:
        urls = [f"{url}/{size}" for size in (0, 1, 100, 70_000, BIG)]
        out = await program("nghttp", "-v", "-n", "-y", *urls)
        assert len(re.findall(r":status: 200", out)) == 5
        assert "GOAWAY" in out and "error_code=NO_ERROR" in out
        received = sum(int(size) for size in re.findall(r"recv DATA frame <length=(\d+)", out))
        assert received == 70_101 + BIG

    against(loop, pki if tls else None, use)


@both_ways
def test_nghttp_asks_in_every_odd_way(tls: bool, pki: Pki, tmp_path: Path) -> None:
    """Padding, trailers, priority, small and large windows, a table of another size."""
    body = tmp_path / "body"
    body.write_bytes(random.Random(1).randbytes(300_000))

    async def use(url: str) -> None:
        for odd in (
            ["-b", "255"],
            ["--trailer", "x-sum: 1"],
            ["-w", "10", "-W", "10"],
            ["-w", "30", "-W", "30"],
            ["-c", "0"],
            ["-c", "65536", "--encoder-header-table-size", "0"],
            ["--no-content-length"],
            ["-m", "20"],
            ["--no-dep"],
            ["-p", "256"],
        ):
            times = 20 if "-m" in odd else 1
            back = await output("nghttp", "-y", "-d", body, *odd, f"{url}/x")
            assert back == body.read_bytes() if times == 1 else len(back) == 300_000 * times, odd
            out = await program("nghttp", "-v", "-n", "-y", "-d", body, *odd, f"{url}/x")
            assert out.count(":status: 200") == times and "RST_STREAM" not in out, odd

    against("asyncio", pki if tls else None, use)


@on_both_loops
@both_ways
def test_nghttp_is_turned_away_with_a_head_of_24_kb(loop: str, tls: bool, pki: Pki) -> None:
    """Its CONTINUATION test sends more than we hold of a head; our GOAWAY gets through."""

    async def use(url: str) -> None:
        out = await program("nghttp", "-v", "-n", "-y", "--continuation", f"{url}/100")
        assert "recv GOAWAY" in out and "error_code=ENHANCE_YOUR_CALM" in out

    against(loop, pki if tls else None, use)


@on_both_loops
@both_ways
@pytest.mark.parametrize(
    ("requests", "clients", "streams", "path"),
    [(5000, 4, 50, "/100"), (2000, 2, 250, "/nothing"), (40, 4, 10, "/1000000")],
)
def test_h2load_loses_nothing(
    loop: str, tls: bool, requests: int, clients: int, streams: int, path: str, pki: Pki
) -> None:
    async def use(url: str) -> None:
        out = await program("h2load", "-n", requests, "-c", clients, "-m", streams, url + path)
        counts = re.search(
            r"requests: (\d+) total, (\d+) started, (\d+) done, (\d+) succeeded, (\d+) failed, (\d+) errored",
            out,
        )
        assert counts is not None, out
        total, _, done, _, _, errored = map(int, counts.groups())
        assert total == done == requests and errored == 0, out
        codes = re.search(r"status codes: (\d+) 2xx, \d+ 3xx, (\d+) 4xx, (\d+) 5xx", out)
        assert codes is not None
        answered = int(codes[2]) if path == "/nothing" else int(codes[1])
        assert answered == requests, out

    against(loop, pki if tls else None, use)


def test_h2load_with_more_streams_than_we_take_is_refused_the_rest_alone() -> None:
    """It opens 400 before it has seen our SETTINGS; 150 are refused, and the connection stands."""

    async def use(url: str) -> None:
        out = await program("h2load", "-n", "400", "-c", "1", "-m", "400", f"{url}/10")
        counts = re.search(r"(\d+) succeeded, (\d+) failed", out)
        assert counts is not None, out
        assert int(counts[1]) >= 250, out

    against("asyncio", None, use)


@on_both_loops
def test_curl_speaks_http2_by_prior_knowledge_and_by_alpn(loop: str, pki: Pki, tmp_path: Path) -> None:
    body, back = tmp_path / "body", tmp_path / "back"
    body.write_bytes(random.Random(2).randbytes(3_000_000))
    show = ("-sS", "-o", back, "-w", "%{http_version} %{http_code} %{size_download}")

    async def plain(url: str) -> None:
        assert await program("curl", "--http2-prior-knowledge", *show, f"{url}/{BIG}") == f"2 200 {BIG}"
        assert back.read_bytes() == b"z" * BIG
        sent = ("--http2-prior-knowledge", "--data-binary", f"@{body}")
        assert await program("curl", *sent, *show, f"{url}/x") == "2 200 3000000"
        assert back.read_bytes() == body.read_bytes()
        assert await program("curl", "--http2-prior-knowledge", *show, f"{url}/no") == "2 404 0"

    async def over_tls(url: str) -> None:
        trust = ("--http2", "--cacert", pki.ca, "--connect-to", f"relay.test::{url.removeprefix('https://')}")
        assert await program("curl", *trust, *show, f"https://relay.test/{BIG}") == f"2 200 {BIG}"
        sent = (*trust, "--data-binary", f"@{body}")
        assert await program("curl", *sent, *show, "https://relay.test/x") == "2 200 3000000"
        assert back.read_bytes() == body.read_bytes()

    against(loop, None, plain)
    against(loop, pki, over_tls)


def test_curl_reuses_one_connection(pki: Pki, tmp_path: Path) -> None:
    """Over TLS only: curl 7.88 cannot reuse a plain one (curl issue 10634)."""

    async def use(url: str) -> None:
        urls = [part for n in range(20) for part in ("-o", tmp_path / "x", f"{url}/{n}")]
        out = await program("curl", "-sSk", "--http2", "-w", "%{num_connects} %{http_code}\n", *urls)
        assert out.splitlines() == ["1 200"] + ["0 200"] * 19

    against("asyncio", pki, use)
