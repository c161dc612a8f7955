"""The relay's public port and its limits, with small numbers."""

from __future__ import annotations

import asyncio
import errno
import itertools
import logging
import socket
import ssl
from typing import Any

import pytest

from tests.kit.clock import VirtualClockLoop, real_run, run
from tests.kit.recorder import Recorder
from tests.net.certificates import Certificates
from tests.net.loops import LoopFactory, both_loops
from tunnel_whisperer.base.errors import Misuse
from tunnel_whisperer.base.values import HostPort
from tunnel_whisperer.net.listener import Listener
from tunnel_whisperer.net.tls import server_context

HERE = HostPort("127.0.0.1", 0)


class Door:
    """A listener whose visitors are recorded."""

    def __init__(
        self, address: HostPort = HERE, *, context: ssl.SSLContext | None = None, **limits: Any
    ) -> None:
        self.visitors: list[Recorder] = []
        self.listener = Listener(address, self._visitor, context=context, **limits)
        self.bound = HERE

    async def __aenter__(self) -> Door:
        self.bound = await self.listener.start()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.listener.close()

    def _visitor(self) -> Recorder:
        self.visitors.append(Recorder())
        return self.visitors[-1]

    def visit(self) -> socket.socket:
        """One more connection."""
        sock = socket.create_connection((self.bound.host, self.bound.port))
        sock.setblocking(False)
        return sock


async def _until(condition: Any) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.001)


async def _ended(sock: socket.socket) -> bytes:
    """What the socket receives up to its end."""
    data = b""
    try:
        while piece := await asyncio.get_running_loop().sock_recv(sock, 4096):
            data += piece
    except ConnectionResetError:
        pass
    sock.close()
    return data


@both_loops
def test_visitors_are_met_counted_and_cut_at_the_end(loop_factory: LoopFactory) -> None:
    async def main() -> None:
        async with Door() as door:
            assert door.bound.port
            first, second = door.visit(), door.visit()
            await _until(lambda: len(door.visitors) == 2 and all(v.transport for v in door.visitors))
            assert door.listener.connections == 2
            first.close()
            await door.visitors[0].got_eof()
            transport = door.visitors[0].transport
            assert transport is not None
            transport.close()
            await door.visitors[0].got_lost()
            assert door.listener.connections == 1
        await door.visitors[1].got_lost()
        assert door.listener.connections == 0
        assert await _ended(second) == b""

    real_run(main(), loop_factory=loop_factory)


@both_loops
def test_more_than_the_cap_of_one_address_are_turned_away(loop_factory: LoopFactory) -> None:
    async def main() -> None:
        async with Door(max_per_address=2) as door:
            kept = [door.visit(), door.visit()]
            await _until(lambda: door.listener.connections == 2)
            assert await _ended(door.visit()) == b""
            assert door.listener.connections == 2
            assert (door.listener.accepted, door.listener.refused) == (3, {"too-many": 1})
            await _until(lambda: all(v.transport for v in door.visitors))
            transport = door.visitors[0].transport
            assert transport is not None
            transport.close()
            await door.visitors[0].got_lost()
            kept.append(door.visit())  # there is room again
            await _until(lambda: len(door.visitors) == 3)
            for sock in kept:
                sock.close()

    real_run(main(), loop_factory=loop_factory)


@both_loops
def test_over_the_total_cap_visitors_wait_and_are_then_met(loop_factory: LoopFactory) -> None:
    async def main() -> None:
        async with Door(max_connections=1) as door:
            first, second = door.visit(), door.visit()
            await _until(lambda: door.visitors and door.visitors[0].transport)
            second.send(b"patience")
            for _ in range(50):
                await asyncio.sleep(0)
            assert len(door.visitors) == 1
            transport = door.visitors[0].transport
            assert transport is not None
            transport.close()
            await _until(lambda: len(door.visitors) == 2)
            await door.visitors[1].got(8)
            first.close()
            second.close()

    real_run(main(), loop_factory=loop_factory)


@both_loops
def test_a_handshake_has_a_deadline(certificates: Certificates, loop_factory: LoopFactory) -> None:
    async def main() -> None:
        context = server_context(*certificates.relay, [], alpn=["h2"])
        async with Door(context=context, handshake_timeout_s=0.05) as door:
            silent = door.visit()
            await _until(lambda: door.listener.connections == 1)
            assert await _ended(silent) == b""
            await _until(lambda: door.listener.connections == 0)
            assert door.visitors[0].transport is None

    real_run(main(), loop_factory=loop_factory)


@both_loops
@pytest.mark.parametrize("sent", [b"", b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x00\x05hello"])
def test_who_leaves_or_speaks_no_tls_leaves_nothing_behind(
    certificates: Certificates, sent: bytes, loop_factory: LoopFactory
) -> None:
    async def main() -> None:
        context = server_context(*certificates.relay, [], alpn=["h2"])
        async with Door(context=context) as door:
            sock = door.visit()
            sock.send(sent)
            sock.shutdown(socket.SHUT_WR)
            await _ended(sock)
            await _until(lambda: door.listener.connections == 0)
            assert door.visitors[0].transport is None
            assert (door.listener.accepted, door.listener.refused) == (1, {"no-handshake": 1})

    real_run(main(), loop_factory=loop_factory)


@both_loops
def test_closing_in_the_middle_of_a_handshake_cuts_it(
    certificates: Certificates, loop_factory: LoopFactory
) -> None:
    async def main() -> None:
        context = server_context(*certificates.relay, [], alpn=["h2"])
        async with Door(context=context) as door:
            sock = door.visit()
            await _until(lambda: door.listener.connections == 1)
        assert door.listener.connections == 0
        assert await _ended(sock) == b""

    real_run(main(), loop_factory=loop_factory)


@both_loops
def test_tls_can_be_changed_for_the_connections_to_come(
    certificates: Certificates, loop_factory: LoopFactory
) -> None:
    async def main() -> None:
        async with Door() as door:
            door.listener.set_context(server_context(*certificates.relay, [], alpn=["h2"]))
            sock = door.visit()
            sock.send(b"\x16\x03\x01\x00\x05hello")  # a handshake record with nonsense in it
            answer = await _ended(sock)
            assert answer[:2] == b"\x15\x03"  # RFC 8446 section 5.1: an alert record
            assert door.visitors[0].transport is None

    real_run(main(), loop_factory=loop_factory)


def test_a_port_that_is_taken_is_named() -> None:
    async def main() -> None:
        async with Door() as door:
            with pytest.raises(Misuse) as caught:
                await Listener(door.bound, asyncio.Protocol, context=None).start()
            assert caught.value.code == "port-in-use"
        second = Listener(door.bound, asyncio.Protocol, context=None)  # closed: it can be had again
        await second.start()
        await second.close()
        await second.close()

    real_run(main())


# -- on a virtual clock, with a scripted accept ------------------------------------------------------


class Accepting:
    """Stands for the kernel's accept queue: what each ``accept`` gives, and when it was asked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, results: list[Any]) -> None:
        self.results = results
        self.asked: list[float] = []
        self.ends: list[socket.socket] = []
        accepting = self

        async def sock_accept(loop: asyncio.AbstractEventLoop, sock: socket.socket) -> Any:
            accepting.asked.append(loop.time())
            if not accepting.results:
                await asyncio.Event().wait()
            result = accepting.results.pop(0)
            if isinstance(result, BaseException):
                raise result
            ours, theirs = socket.socketpair()
            ours.setblocking(False)
            accepting.ends.append(theirs)
            return ours, (result, 4711)

        async def getaddrinfo(loop: asyncio.AbstractEventLoop, host: str, port: int, **kw: Any) -> Any:
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, port))]

        monkeypatch.setattr(VirtualClockLoop, "sock_accept", sock_accept)
        monkeypatch.setattr(VirtualClockLoop, "getaddrinfo", getaddrinfo)  # without its thread
        # A socket pair has no TCP options.
        monkeypatch.setattr("tunnel_whisperer.net.listener.tune", lambda sock: None)

    def close(self) -> None:
        for end in self.ends:
            end.close()


def test_a_burst_of_a_second_is_met_at_once_and_the_rest_evenly(monkeypatch: pytest.MonkeyPatch) -> None:
    queue = Accepting(monkeypatch, ["192.0.2.1"] * 30)

    async def main() -> None:
        begun = asyncio.get_running_loop().time()
        async with Door(max_handshakes_per_s=10) as door:
            await asyncio.sleep(10)
            assert len(door.visitors) == 30
        offsets = [at - begun for at in queue.asked[:30]]
        assert offsets[9] == 0 and offsets[10] == pytest.approx(0, abs=0.11)
        gaps = [later - sooner for sooner, later in itertools.pairwise(offsets[11:])]
        assert gaps == pytest.approx([0.1] * len(gaps))

    run(main())
    queue.close()


def test_the_addresses_of_one_ipv6_network_count_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    hosts = [
        "2001:db8::1",
        "2001:db8::2:1",
        "2001:db8:0:1::1",
        "::ffff:192.0.2.1",
        "192.0.2.1",
        "fe80::1%eth0",
    ]
    queue = Accepting(monkeypatch, list(hosts))

    async def main() -> None:
        async with Door(max_per_address=1) as door:
            await asyncio.sleep(1)
            assert len(door.visitors) == 4  # one per /64, one for the IPv4 address in both spellings

    run(main())
    queue.close()


def test_running_out_of_files_is_logged_once_and_not_fatal(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    failures = [OSError(errno.EMFILE, "Too many open files")] * 5
    queue = Accepting(monkeypatch, [*failures, "192.0.2.1", *failures, "192.0.2.2"])

    async def main() -> None:
        with caplog.at_level(logging.ERROR, "tw.net.listener"):
            async with Door() as door:
                await asyncio.sleep(5)
                assert len(door.visitors) == 2
        assert [r.getMessage() for r in caplog.records] == [
            "cannot accept connections: Too many open files"
        ] * 2
        assert queue.asked[5] - queue.asked[0] == pytest.approx(0.5)

    run(main())
    queue.close()


def test_a_visitor_that_left_in_the_queue_delays_nobody(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    gone = OSError(errno.ECONNABORTED, "Software caused connection abort")
    queue = Accepting(monkeypatch, [gone, "192.0.2.1"])

    async def main() -> None:
        async with Door() as door:
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            assert len(door.visitors) == 1
            assert queue.asked[0] == queue.asked[1]

    run(main())
    queue.close()
    assert not caplog.records


def test_a_handshake_that_was_not_begun_is_cut_too(monkeypatch: pytest.MonkeyPatch) -> None:
    queue = Accepting(monkeypatch, ["192.0.2.1"])

    async def main() -> None:
        door = Door()
        await door.listener.start()
        while not door.visitors:
            await asyncio.sleep(0)
        await door.listener.close()
        await asyncio.sleep(0)
        assert door.listener.connections == 0
        assert queue.ends[0].recv(1) == b""

    run(main())
    queue.close()
