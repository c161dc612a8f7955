"""Connecting to a name: its addresses raced on a virtual clock, and real ones on loopback."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Sequence
from typing import Any

import pytest

from tests.kit.clock import VirtualClockLoop, real_run, run
from tests.net.loops import LoopFactory, both_loops
from tunnel_whisperer.base.errors import Refused, Retry, Unreachable
from tunnel_whisperer.base.limits import DIAL_TIMEOUT_S
from tunnel_whisperer.base.values import HostPort
from tunnel_whisperer.net.dial import dial, resolve
from tunnel_whisperer.net.proxy import Proxy

RELAY = HostPort("relay.test", 443)
V6, V6B, V4, V4B = "2001:db8::1", "2001:db8::2", "192.0.2.1", "192.0.2.2"
SILENT = None
REFUSED = OSError(errno.ECONNREFUSED, "Connection refused")
NO_ROUTE = OSError(errno.ENETUNREACH, "Network is unreachable")


class Network:
    """A resolver and a network by script, on the virtual clock.

    Args:
        addresses: of every name, in the resolver's order.
        fates: for each address: seconds until it connects, or the error and when, or silence.
    """

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, addresses: Sequence[str], fates: dict[str, Any]
    ) -> None:
        self.started = 0.0
        self.begun: list[tuple[str, float]] = []
        self.sockets: list[socket.socket] = []
        network = self

        async def getaddrinfo(loop: asyncio.AbstractEventLoop, host: str, port: int, **kw: Any) -> Any:
            network.started = loop.time()
            return [_info(address, port) for address in addresses]

        async def sock_connect(loop: asyncio.AbstractEventLoop, sock: socket.socket, to: Any) -> None:
            network.begun.append((to[0], round(loop.time() - network.started, 3)))
            network.sockets.append(sock)
            fate = fates.get(to[0], SILENT)
            if fate is SILENT:
                await asyncio.Event().wait()
            elif isinstance(fate, tuple):
                await asyncio.sleep(fate[0])
                raise fate[1]
            else:
                await asyncio.sleep(fate)

        monkeypatch.setattr(VirtualClockLoop, "getaddrinfo", getaddrinfo)
        monkeypatch.setattr(VirtualClockLoop, "sock_connect", sock_connect)

    def left_open(self) -> list[str]:
        """Addresses whose sockets are open."""
        return [
            where for (where, _), sock in zip(self.begun, self.sockets, strict=True) if sock.fileno() != -1
        ]


def _info(address: str, port: int) -> Any:
    if ":" in address:
        return (socket.AF_INET6, socket.SOCK_STREAM, 6, "", (address, port, 0, 0))
    return (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))


def _dial(network: Network, **options: Any) -> None:
    """Dial, and check that the socket returned is the only one that is left open."""

    async def main() -> None:
        sock = await dial(RELAY, proxy=None, **options)
        assert not sock.getblocking()
        assert [s for s in network.sockets if s.fileno() != -1] == [sock]
        sock.close()

    run(main())


# -- the race (RFC 8305) -----------------------------------------------------------------------------


def test_the_families_take_turns_beginning_with_the_resolvers_first(monkeypatch: pytest.MonkeyPatch) -> None:
    Network(monkeypatch, [V6, V6B, V4, V4B, V4], {})

    async def main() -> None:
        assert [sockaddr[0] for _, sockaddr in await resolve(RELAY)] == [V6, V4, V6B, V4B]

    run(main())


def test_the_first_address_is_enough_when_it_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    network = Network(monkeypatch, [V6, V4], {V6: 0.2, V4: 0})
    _dial(network)
    assert network.begun == [(V6, 0)]


def test_a_silent_address_costs_a_quarter_of_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    network = Network(monkeypatch, [V6, V6B, V4], {V4: 0.1})
    _dial(network)
    assert network.begun == [(V6, 0), (V4, 0.25)]


def test_a_refused_address_costs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    network = Network(monkeypatch, [V6, V4], {V6: (0, NO_ROUTE), V4: 0.1})
    _dial(network)
    assert network.begun == [(V6, 0), (V4, 0)]


def test_a_slow_address_may_win_after_the_next_one_was_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    network = Network(monkeypatch, [V6, V4], {V6: 0.3, V4: 0.2})
    _dial(network)
    assert network.begun == [(V6, 0), (V4, 0.25)]
    assert network.left_open() == []


def test_two_that_connect_at_once_leave_one_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    _dial(Network(monkeypatch, [V6, V4, V4B], {V6: 0.5, V4: 0.25, V4B: 0}))


def test_when_all_fail_all_reasons_are_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    network = Network(monkeypatch, [V6, V4, V4B], {V6: (0.4, NO_ROUTE), V4: (0, REFUSED), V4B: (0, REFUSED)})
    with pytest.raises(Unreachable) as caught:
        _dial(network)
    assert caught.value.code == "relay-unreachable"
    assert caught.value.retry is Retry.BACKOFF
    assert str(caught.value) == "relay.test:443: the connection was refused, and there is no route to it"
    assert network.left_open() == []


def test_an_error_without_words_of_ours_keeps_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    network = Network(monkeypatch, [V4], {V4: (0, OSError(errno.EADDRNOTAVAIL, "No such address"))})
    with pytest.raises(Unreachable, match="No such address"):
        _dial(network)


def test_silence_everywhere_is_given_up_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    network = Network(monkeypatch, [V6, V4, V4B], {})

    async def main() -> None:
        begun = asyncio.get_running_loop().time()
        with pytest.raises(Unreachable) as caught:
            await dial(RELAY, proxy=None)
        assert caught.value.code == "timeout" and caught.value.hint
        assert asyncio.get_running_loop().time() - begun == pytest.approx(DIAL_TIMEOUT_S)

    run(main())
    assert [where for where, _ in network.begun] == [V6, V4, V4B]
    assert network.left_open() == []


def test_a_dial_that_is_cancelled_leaves_no_socket_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    network = Network(monkeypatch, [V6, V4], {})

    async def main() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await dial(RELAY, proxy=None)
        assert network.left_open() == []

    run(main())


def test_a_dial_that_is_cancelled_as_it_succeeds_leaves_no_socket_behind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The losers take a while to go: in that time the winner is nobody's but ours."""
    for turns in range(8):
        network = Network(monkeypatch, [V6, V4], {V4: 0.1})

        async def main(turns: int = turns, network: Network = network) -> None:
            async with asyncio.TaskGroup() as tasks:
                task = tasks.create_task(dial(RELAY, proxy=None))
                await asyncio.sleep(0.35)
                for _ in range(turns):
                    await asyncio.sleep(0)
                task.cancel()
                await asyncio.wait([task])
            if not task.cancelled():
                task.result().close()
            assert network.left_open() == []

        run(main())


def test_a_family_that_this_machine_has_not_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    network = Network(monkeypatch, [V6, V4], {V4: 0})
    real_socket = socket.socket

    def without_ipv6(family: int, *args: Any) -> socket.socket:
        if family == socket.AF_INET6:
            raise OSError(errno.EAFNOSUPPORT, "Address family not supported by protocol")
        return real_socket(family, *args)

    monkeypatch.setattr("tunnel_whisperer.net.dial.socket.socket", without_ipv6)
    _dial(network)
    assert network.begun == [(V4, 0)]


# -- names ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "failure",
    [socket.gaierror(socket.EAI_NONAME, "Name or service not known"), UnicodeError("label too long")],
)
def test_a_name_that_cannot_be_resolved_is_named(monkeypatch: pytest.MonkeyPatch, failure: Exception) -> None:
    async def getaddrinfo(*args: Any, **kw: Any) -> Any:
        raise failure

    monkeypatch.setattr(VirtualClockLoop, "getaddrinfo", getaddrinfo)
    with pytest.raises(Unreachable) as caught:
        run(dial(RELAY, proxy=None))
    assert caught.value.code == "dns-failed"
    assert str(caught.value) == "relay.test: the name cannot be resolved"


def test_an_address_is_not_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    async def getaddrinfo(*args: Any, **kw: Any) -> Any:
        raise AssertionError("there is nothing to resolve")

    monkeypatch.setattr(VirtualClockLoop, "getaddrinfo", getaddrinfo)

    async def main() -> None:
        assert await resolve(HostPort("192.0.2.1", 443)) == [(socket.AF_INET, ("192.0.2.1", 443))]
        assert await resolve(HostPort("::1", 443)) == [(socket.AF_INET6, ("::1", 443, 0, 0))]

    run(main())


# -- through a proxy -------------------------------------------------------------------------------


def test_with_a_proxy_the_proxy_is_dialled_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    network = Network(monkeypatch, [V4], {V4: (0, REFUSED)})
    with pytest.raises(Unreachable) as caught:
        run(dial(RELAY, proxy=Proxy.parse("http://ann:secret@proxy.test:3128")))
    assert str(caught.value) == "http://proxy.test:3128: the connection was refused"
    assert network.begun == [(V4, 0)]


@both_loops
def test_a_proxy_that_says_nothing_is_given_up_in_time(loop_factory: LoopFactory) -> None:
    async def main() -> None:
        with socket.create_server(("127.0.0.1", 0)) as silent:
            proxy = Proxy.parse(f"socks5://127.0.0.1:{silent.getsockname()[1]}")
            with pytest.raises(Unreachable) as caught:
                await dial(RELAY, proxy=proxy, timeout_s=0.05)
            assert caught.value.code == "timeout" and caught.value.where == str(proxy)
            accepted, _ = silent.accept()
            with accepted:
                accepted.settimeout(5)
                assert accepted.recv(100) == b"\x05\x01\x00"
                assert accepted.recv(100) == b"", "our socket is closed"

    real_run(main(), loop_factory=loop_factory)


@both_loops
def test_what_a_proxy_refuses_is_told(loop_factory: LoopFactory) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        with socket.create_server(("127.0.0.1", 0)) as listener:
            listener.setblocking(False)

            async def proxy() -> None:
                sock, _ = await loop.sock_accept(listener)
                await loop.sock_recv(sock, 4096)
                await loop.sock_sendall(sock, b"HTTP/1.1 403 Forbidden\r\n\r\nno")
                sock.close()

            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(proxy())
                with pytest.raises(Refused) as caught:
                    await dial(RELAY, proxy=Proxy.parse(f"127.0.0.1:{listener.getsockname()[1]}"))
        assert caught.value.code == "proxy-refused"
        assert "does not allow connections to relay.test:443" in caught.value.why

    real_run(main(), loop_factory=loop_factory)


# -- real sockets ------------------------------------------------------------------------------------


@both_loops
def test_a_refused_first_address_does_not_matter(
    monkeypatch: pytest.MonkeyPatch, loop_factory: LoopFactory
) -> None:
    async def main() -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
            found = [(socket.AF_INET, ("127.0.0.2", port)), (socket.AF_INET, ("127.0.0.1", port))]

            async def both(address: HostPort) -> Any:
                return found

            monkeypatch.setattr("tunnel_whisperer.net.dial.resolve", both)
            sock = await dial(HostPort("relay.test", port), proxy=None, timeout_s=5)
            assert sock.getpeername() == ("127.0.0.1", port)
            assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            sock.close()

    real_run(main(), loop_factory=loop_factory)


@both_loops
def test_a_port_where_nobody_listens_is_refused(loop_factory: LoopFactory) -> None:
    async def main() -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))  # bound, and not listening
            address = HostPort("127.0.0.1", taken.getsockname()[1])
            with pytest.raises(Unreachable) as caught:
                await dial(address, proxy=None)
        assert caught.value.code == "relay-unreachable"
        assert str(caught.value) == f"{address}: the connection was refused"

    real_run(main(), loop_factory=loop_factory)


@both_loops
def test_localhost_is_resolved(loop_factory: LoopFactory) -> None:
    async def main() -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            sock = await dial(HostPort("localhost", listener.getsockname()[1]), proxy=None)
            assert sock.getpeername() == listener.getsockname()
            sock.close()

    real_run(main(), loop_factory=loop_factory)
