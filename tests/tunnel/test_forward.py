"""A local port while the session comes and goes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, cast

import pytest

from tests.kit.clock import real_run
from tunnel_whisperer.base.counters import Traffic
from tunnel_whisperer.base.errors import Refused, TwError, Unreachable
from tunnel_whisperer.base.limits import OPEN_WAIT_S
from tunnel_whisperer.base.values import Grant, HostPort
from tunnel_whisperer.ssh.keeper import SessionKeeper
from tunnel_whisperer.ssh.session import ClientSession
from tunnel_whisperer.tunnel.forward import Forward

TARGET = HostPort("127.0.0.1", 5432)


class FakeSession:
    """Opens channels to an echo, or fails."""

    def __init__(self, error: TwError | None = None) -> None:
        self.error = error
        self.asked: list[tuple[HostPort, HostPort]] = []

    async def open_channel(
        self, target: HostPort, origin: HostPort, factory: Callable[[], asyncio.Protocol]
    ) -> None:
        self.asked.append((target, origin))
        if self.error is not None:
            raise self.error
        factory().connection_made(EchoTransport())


class EchoTransport(asyncio.Transport):
    """Takes what is written, for the test to look at."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        _made.append(self)

    def write(self, data: Any) -> None:
        self.written += bytes(data)

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.written += b"<eof>"

    def abort(self) -> None:
        self.written += b"<reset>"

    def close(self) -> None:
        self.written += b"<close>"

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass


_made: list[EchoTransport] = []


class FakeKeeper:
    """Gives out the sessions of a list, one after the other; None: there is none in time."""

    def __init__(self, *sessions: FakeSession | None) -> None:
        self.sessions = list(sessions)
        self.hurried = 0
        self.waits: list[float] = []

    def hurry(self) -> None:
        self.hurried += 1

    async def wait_session(
        self, timeout_s: float, *, other_than: ClientSession | None = None
    ) -> ClientSession:
        self.waits.append(timeout_s)
        session = self.sessions.pop(0)
        if session is None:
            raise Unreachable("relay-unreachable", "no way")
        assert session is not cast(FakeSession, other_than)
        return cast(ClientSession, session)


async def _connect(
    keeper: FakeKeeper, text: bytes
) -> tuple[Forward, asyncio.StreamReader, asyncio.StreamWriter]:
    port = Forward(Grant(0, TARGET), "127.0.0.1", cast(SessionKeeper, keeper))
    await port.start()
    reader, writer = await asyncio.open_connection(port.address.host, port.address.port)
    writer.write(text)
    return port, reader, writer


async def _settled(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0)


def test_the_target_and_the_origin_are_told_and_early_bytes_arrive() -> None:
    async def main() -> None:
        _made.clear()
        session = FakeSession()
        port, _, writer = await _connect(FakeKeeper(session), b"early")
        writer.write_eof()
        await _settled(lambda: bool(_made) and _made[0].written.endswith(b"<eof>"))
        assert _made[0].written == b"early<eof>"
        ((target, origin),) = session.asked
        assert target == TARGET
        assert origin.port == writer.get_extra_info("sockname")[1]
        assert port.open_connections == 1
        assert (port.opened, port.last_error) == (1, None)
        assert port.traffic() == Traffic("", "", port.address.port, 5, 0, 1, 1)
        await port.close()
        writer.close()
        await _settled(lambda: port.open_connections == 0 or b"<reset>" in _made[0].written)

    real_run(main())


@pytest.mark.parametrize("error", [Refused("not-authorised", "no"), Unreachable("target-refused", "no")])
def test_a_refusal_resets_the_connection_and_is_remembered(error: TwError) -> None:
    async def main() -> None:
        port, reader, writer = await _connect(FakeKeeper(FakeSession(error)), b"")
        with pytest.raises(ConnectionError):
            await reader.read()
        assert port.last_error is error
        assert port.opened == 0
        assert port.failed == {error.code: 1}
        writer.close()
        await port.close()

    real_run(main())


def test_a_session_that_dies_before_the_channel_was_open_is_followed_by_the_next() -> None:
    async def main() -> None:
        _made.clear()
        dead, alive = FakeSession(Unreachable("session-lost", "gone")), FakeSession()
        keeper = FakeKeeper(dead, alive)
        port, _, writer = await _connect(keeper, b"x")
        await _settled(lambda: bool(_made) and _made[0].written == b"x")
        assert len(dead.asked) == len(alive.asked) == 1
        assert keeper.waits[1] <= keeper.waits[0] <= OPEN_WAIT_S
        writer.close()
        await port.close()

    real_run(main())


def test_a_port_takes_so_many_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tunnel_whisperer.tunnel.forward.MAX_LOCAL_CONNECTIONS", 1)

    async def main() -> None:
        port, reader, writer = await _connect(FakeKeeper(FakeSession()), b"first")
        await _settled(lambda: port.opened == 1)
        address = port.address
        late, late_writer = await asyncio.open_connection(address.host, address.port)
        with pytest.raises(ConnectionError):
            await late.readexactly(1)
        assert port.open_connections == 1 and not reader.at_eof()
        late_writer.close()
        writer.close()
        await port.close()

    real_run(main())


def test_no_session_in_time_resets_the_connection() -> None:
    async def main() -> None:
        keeper = FakeKeeper(None)
        port, reader, writer = await _connect(keeper, b"x")
        with pytest.raises(ConnectionError):
            await reader.read()
        assert keeper.hurried == 1
        assert port.last_error is not None
        writer.close()
        await port.close()

    real_run(main())
