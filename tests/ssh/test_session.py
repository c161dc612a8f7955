from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Any

import asyncssh
import pytest
from asyncssh.constants import DISC_BY_APPLICATION, DISC_HOST_KEY_NOT_VERIFIABLE, MSG_DISCONNECT
from asyncssh.packet import String, UInt32

from tests.kit.clock import real_run, run
from tests.kit.recorder import Recorder
from tests.ssh.ends import (
    BIND,
    HOST_KEY,
    HOST_PUBLIC,
    ORIGIN,
    OTHER_KEY,
    TARGET,
    USER_KEY,
    Door,
    PlainServer,
    joined,
    log_in,
    plain_server,
    stream_to,
)
from tunnel_whisperer.base.errors import Misuse, PeerFault, Refused, Retry, TwError, Unreachable
from tunnel_whisperer.base.limits import SSH_LOGIN_TIMEOUT_S, SSH_OPEN_TIMEOUT_S
from tunnel_whisperer.base.values import HostPort
from tunnel_whisperer.ssh.endpoint import SshEndpoint
from tunnel_whisperer.ssh.keeper import KeeperState, SessionKeeper
from tunnel_whisperer.ssh.session import ClientSession, open_session

MB = 1024 * 1024


# -- the host key -------------------------------------------------------------------------------------


def test_another_host_key_is_refused_for_good_and_the_user_is_not_named() -> None:
    async def main() -> None:
        door = Door()
        endpoint = SshEndpoint(OTHER_KEY, door)
        open_stream, _ = stream_to(lambda: endpoint.accept({}))
        with pytest.raises(Refused) as info:
            await log_in(open_stream)
        assert info.value.code == "host-key-mismatch" and info.value.retry is Retry.NEVER
        assert info.value.where == "server"
        assert not door.attempts and not door.sessions
        await asyncio.sleep(30)

    run(main())


def test_an_impostor_makes_the_keeper_stop_not_storm() -> None:
    async def main() -> None:
        endpoint = SshEndpoint(OTHER_KEY, Door())
        attempts = 0

        async def connect() -> ClientSession:
            nonlocal attempts
            attempts += 1
            open_stream, _ = stream_to(lambda: endpoint.accept({}))
            return await log_in(open_stream)

        keeper = SessionKeeper(connect)
        with pytest.raises(Refused, match="host key"):
            await keeper.run()
        assert attempts == 1 and keeper.status.state is KeeperState.ENDED
        await asyncio.sleep(30)

    run(main())


def test_a_stranger_that_claims_we_refused_its_key_is_tried_again() -> None:
    """The claim is sent in clear, by whoever sits in between."""

    async def main() -> None:
        class Liar(Recorder):
            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                super().connection_made(transport)
                assert self.transport is not None
                words = String(b"so there") + String(b"")
                payload = bytes((MSG_DISCONNECT,)) + UInt32(DISC_HOST_KEY_NOT_VERIFIABLE) + words
                padding = 8 - (5 + len(payload)) % 8 + 8
                body = bytes((padding,)) + payload + b"\0" * padding
                self.transport.write(b"SSH-2.0-x\r\n" + UInt32(len(body)) + body)

        open_stream, _ = stream_to(Liar)
        with pytest.raises(TwError) as info:
            await log_in(open_stream)
        assert info.value.code != "host-key-mismatch" and info.value.retry is Retry.BACKOFF
        assert "so there" in str(info.value)
        await asyncio.sleep(2)

    run(main())


def test_a_host_certificate_is_not_a_pinned_key() -> None:
    """Not even one that the pinned key has signed: it is a key, not an authority."""

    async def main() -> None:
        key = asyncssh.import_private_key(OTHER_KEY)
        authority = asyncssh.import_private_key(HOST_KEY)
        certificate = authority.generate_host_certificate(key, "server", principals=["tw"])
        open_stream, ends = stream_to(
            lambda: plain_server(PlainServer(), server_host_keys=[(key, certificate)])
        )
        with pytest.raises(Refused) as info:
            await log_in(open_stream)
        assert info.value.code == "host-key-mismatch"
        ends[1].abort()

    real_run(main())


def test_a_server_with_another_kind_of_key_is_not_believed() -> None:
    async def main() -> None:
        key = asyncssh.generate_private_key("ecdsa-sha2-nistp256")
        open_stream, ends = stream_to(lambda: plain_server(PlainServer(), server_host_keys=[key]))
        with pytest.raises(TwError):
            await log_in(open_stream)
        ends[1].abort()

    real_run(main())


# -- logging in -----------------------------------------------------------------------------------------


def test_a_user_who_is_not_let_in_learns_that() -> None:
    async def main() -> None:
        door = Door()
        open_stream, _ = stream_to(lambda: SshEndpoint(HOST_KEY, door).accept({}))
        with pytest.raises(Refused) as info:
            await log_in(open_stream, private_key=OTHER_KEY)
        assert info.value.code == "user-not-active" and info.value.retry is Retry.BACKOFF
        await asyncio.sleep(2)

    run(main())


def test_a_server_that_says_nothing_is_given_up() -> None:
    async def main() -> None:
        open_stream, ends = stream_to(Recorder)
        began = asyncio.get_running_loop().time()
        with pytest.raises(Unreachable) as info:
            await log_in(open_stream)
        assert info.value.code == "timeout" and info.value.where == "server"
        assert asyncio.get_running_loop().time() - began == pytest.approx(SSH_LOGIN_TIMEOUT_S)
        assert ends[0].is_closing()

    run(main())


@pytest.mark.parametrize("bytes_passed", [0, 5, 100, 600, 1500, 2000])
def test_a_stream_that_is_cut_during_the_login(bytes_passed: int) -> None:
    async def main() -> None:
        door = Door()
        open_stream, ends = stream_to(lambda: SshEndpoint(HOST_KEY, door).accept({}), latency_s=0.001)
        passed = 0

        async def cutting(factory: Callable[[], asyncio.Protocol]) -> Any:
            result = await open_stream(factory)
            deliver = ends[0].deliver

            def count(data: bytes) -> None:
                nonlocal passed
                passed += len(data)
                deliver(data)
                if passed >= bytes_passed:
                    ends[0].cut()

            ends[0].deliver = count  # type: ignore[method-assign]
            return result

        with pytest.raises(TwError) as info:
            await log_in(cutting)
        assert info.value.code in ("session-lost", "protocol-fault")
        await asyncio.sleep(30)
        assert len(door.sessions) == len(door.closed)

    run(main())


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"SSH-1.5-x\r\n",
        b"SSH-2.0-\xff\r\n",
        b"\0" * 10_000,
        b"SSH-2.0-x\r\n" + b"\xff" * 100,
        b"x\r\n" * 2000,
    ],
)
def test_a_server_that_speaks_another_language_is_its_fault(answer: bytes) -> None:
    async def main() -> None:
        class Stranger(Recorder):
            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                super().connection_made(transport)
                assert self.transport is not None
                self.transport.write(answer)
                self.transport.write_eof()

        open_stream, ends = stream_to(Stranger)
        with pytest.raises(TwError) as info:
            await log_in(open_stream)
        assert info.value.code in ("protocol-fault", "session-lost")
        ends[1].abort()
        await asyncio.sleep(2)

    run(main())


def test_a_stream_that_cannot_be_opened_fails_with_its_own_error() -> None:
    async def main() -> None:
        failure = Refused("certificate-refused", "no")

        async def open_stream(_: Callable[[], asyncio.Protocol]) -> Any:
            raise failure

        with pytest.raises(Refused) as info:
            await log_in(open_stream)
        assert info.value is failure

    run(main())


def test_an_error_of_the_stream_during_the_login_comes_through() -> None:
    async def main() -> None:
        open_stream, ends = stream_to(Recorder)
        task = asyncio.ensure_future(log_in(open_stream))
        await asyncio.sleep(1)
        failure = Refused("user-not-active", "the relay says no")
        ends[0].fail(failure)
        with pytest.raises(Refused) as info:
            await task
        assert info.value is failure

    run(main())


def test_a_login_that_is_cancelled_leaves_nothing() -> None:
    async def main() -> None:
        open_stream, ends = stream_to(Recorder)
        task = asyncio.ensure_future(log_in(open_stream))
        await asyncio.sleep(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.sleep(2)
        assert ends[0].is_closing()

    run(main())


@pytest.mark.parametrize(
    ("key", "host"), [(b"nonsense", HOST_PUBLIC), (USER_KEY, "nonsense")], ids=["private", "host"]
)
def test_a_key_that_cannot_be_read_fails_before_anything_is_opened(key: bytes, host: str) -> None:
    async def main() -> None:
        async def open_stream(_: Callable[[], asyncio.Protocol]) -> Any:
            raise AssertionError("opened")

        with pytest.raises(Misuse) as info:
            await open_session(open_stream, user="tw", private_key=key, host_key=host, name="server")
        assert info.value.code == "bad-key"

    run(main())


# -- another implementation as server -------------------------------------------------------------------


class Publisher(PlainServer):
    """Also publishes one address, and connects to it."""

    def __init__(self) -> None:
        super().__init__()
        self.listeners: list[tuple[str, int]] = []

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self.connection = conn

    def server_requested(self, listen_host: str, listen_port: int) -> Any:
        self.listeners.append((listen_host, listen_port))
        return asyncssh.SSHListener() if (listen_host, listen_port) == (BIND.host, BIND.port) else False


def test_asyncssh_as_server_channels_of_all_kinds() -> None:
    async def main() -> None:
        server = PlainServer()
        open_stream, ends = stream_to(lambda: plain_server(server))
        session = await log_in(open_stream)

        async def one(number: int) -> None:
            left = Recorder()
            transport, _ = await session.open_channel(TARGET, ORIGIN, lambda: left)
            data = random.Random(number).randbytes(20_000 * number)
            transport.write(data)
            transport.write_eof()
            await left.got_lost()
            assert left.received == data and left.eof and left.lost_exc is None

        async with asyncio.TaskGroup() as group:
            for number in range(30):
                group.create_task(one(number))
        with pytest.raises(TwError) as info:
            await session.open_channel(HostPort("127.0.0.1", 1), ORIGIN, Recorder)
        assert info.value.code in ("target-refused", "not-authorised")
        assert set(server.targets) == {("127.0.0.1", 5432), ("127.0.0.1", 1)}
        session.close()
        assert await session.closed is None
        ends[1].abort()

    real_run(main())


def test_asyncssh_as_server_publishes_for_us() -> None:
    async def main() -> None:
        server = Publisher()
        open_stream, ends = stream_to(lambda: plain_server(server))
        session = await log_in(open_stream)
        lefts: list[Recorder] = []

        def accept(origin: HostPort) -> asyncio.Protocol:
            assert origin == HostPort("192.0.2.5", 5555)
            left = Recorder()
            left.on_data = lambda data: left.transport.write(data)  # type: ignore[union-attr] # noqa: PLW0108
            left.on_eof = lambda: left.transport.write_eof()  # type: ignore[union-attr] # noqa: PLW0108
            lefts.append(left)
            return left

        await session.publish(BIND, accept)
        with pytest.raises(Refused) as refused:
            await session.publish(HostPort("127.0.0.1", 20002), accept)
        assert refused.value.code == "not-authorised"
        chan, inside = await server.connection.create_connection(
            _Collect,
            BIND.host,
            BIND.port,
            "192.0.2.5",
            5555,
        )
        data = random.Random(3).randbytes(2 * MB)
        chan.write(data)
        chan.write_eof()
        assert isinstance(inside, _Collect)
        await inside.done
        assert inside.data == data
        with pytest.raises(asyncssh.ChannelOpenError):
            await server.connection.create_connection(_Collect, "127.0.0.1", 20002, "192.0.2.5", 5555)
        session.abort()
        ends[1].abort()
        await asyncio.sleep(0.01)

    real_run(main())


class _Collect(asyncssh.SSHTCPSession[bytes]):
    def __init__(self) -> None:
        self.data = b""
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def data_received(self, data: bytes, datatype: asyncssh.DataType) -> None:
        self.data += data

    def eof_received(self) -> bool:
        self.done.set_result(None)
        return False


# -- publishing -------------------------------------------------------------------------------------------


def test_publishing_what_is_not_allowed_is_refused() -> None:
    async def main() -> None:
        async with joined() as pair:
            with pytest.raises(Refused) as info:
                await pair.session.publish(HostPort("127.0.0.1", 20002), lambda _: Recorder())
            assert info.value.code == "not-authorised"
            assert not pair.session._published

    run(main())


def test_publishing_on_a_session_that_has_ended_is_no_refusal() -> None:
    """A refusal would be told to the admin, who can do nothing about it."""

    async def main() -> None:
        async with joined() as pair:
            asking = asyncio.ensure_future(pair.session.publish(BIND, lambda _: Recorder()))
            await asyncio.sleep(0)
            pair.client_end.cut()
            with pytest.raises(Unreachable) as info:
                await asking
            assert info.value.code == "session-lost"
            with pytest.raises(Unreachable):
                await pair.session.publish(BIND, lambda _: Recorder())
            with pytest.raises(Unreachable):
                await pair.channel()

    run(main())


def test_publishing_has_a_deadline() -> None:
    async def main() -> None:
        async with joined() as pair:
            pair.server._connection._process_global_request = None  # type: ignore[method-assign, assignment]
            connection = pair.server._connection
            process = connection.process_packet
            connection.process_packet = (  # type: ignore[method-assign]
                lambda pkttype, pktid, packet: pkttype == 80 or process(pkttype, pktid, packet)
            )
            asking = asyncio.ensure_future(pair.session.publish(BIND, lambda _: Recorder()))
            transport, *_ = await pair.channel()
            for _ in range(int(SSH_OPEN_TIMEOUT_S) + 1):  # alive, and says other things
                pair.server._connection.send_packet(2, String(b""))
                await asyncio.sleep(1)
            with pytest.raises(Unreachable) as info:
                await asking
            assert info.value.code == "timeout" and not transport.is_closing()

    run(main())


@pytest.mark.parametrize("fault", [Refused("too-many", "busy"), KeyError("bug")])
def test_a_connection_that_cannot_be_taken_costs_that_connection_alone(
    fault: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        async with joined() as pair:

            def accept(_: HostPort) -> asyncio.Protocol:
                raise fault

            await pair.session.publish(BIND, accept)
            with pytest.raises(TwError) as info:
                await pair.server.open_forwarded(BIND, ORIGIN, Recorder)
            assert info.value.code in ("too-many", "not-authorised") and "bug" not in str(info.value)
            await pair.channel()

    run(main())
    assert ("KeyError" in caplog.text) is isinstance(fault, KeyError)


# -- ends -------------------------------------------------------------------------------------------------


def test_our_own_close_is_no_error_but_open_channels_are_reset() -> None:
    async def main() -> None:
        async with joined() as pair:
            _, left, _, right = await pair.channel()
            pair.session.close()
            assert await pair.session.closed is None
            await right.got_lost()
            await left.got_lost()
            assert right.lost_exc is not None and not right.eof
            await asyncio.sleep(2)
            assert pair.door.closed == [None]

    run(main())


def test_an_abort_says_nothing_and_is_at_once() -> None:
    async def main() -> None:
        async with joined() as pair:
            _, left, _, right = await pair.channel()
            pair.session.abort()
            pair.session.abort()
            await left.got_lost()
            await right.got_lost()
            assert right.lost_exc is not None
            assert await pair.session.closed is None

    run(main())


def test_channels_that_wait_for_an_answer_are_told_when_the_session_ends() -> None:
    async def main() -> None:
        door = Door()
        door.delay = asyncio.Event()
        async with joined(door) as pair:
            asking = [asyncio.ensure_future(pair.channel()) for _ in range(5)]
            await asyncio.sleep(1)
            pair.server.close("the server is shutting down")
            for task in asking:
                with pytest.raises(Unreachable) as info:
                    await task
                assert info.value.code == "session-lost"

    run(main())


def test_a_farewell_with_strange_words_is_harmless() -> None:
    async def main() -> None:
        async with joined() as pair:
            pair.server._connection._send_disconnect(DISC_BY_APPLICATION, "bye\x1b[2J\n" + "x" * 1000, "en")
            error = await pair.session.closed
            assert error is not None and str(error).isprintable() and len(str(error)) < 300

    run(main())


def test_half_a_farewell_is_a_fault_of_the_peer() -> None:
    async def main() -> None:
        async with joined() as pair:
            pair.server._connection.send_packet(MSG_DISCONNECT, UInt32(11)[:2])
            error = await pair.session.closed
            assert isinstance(error, PeerFault)

    run(main())


@pytest.mark.parametrize("fault", [KeyError("uid not found"), OSError("no name")])
def test_a_system_without_a_name_for_the_user_is_told_what_to_do(
    monkeypatch: pytest.MonkeyPatch, fault: Exception
) -> None:
    """Python 3.13 raises another error than those before."""

    def nobody() -> str:
        raise fault

    monkeypatch.setattr("getpass.getuser", nobody)

    async def main() -> None:
        open_stream, _ = stream_to(Recorder)
        with pytest.raises(Misuse) as info:
            await log_in(open_stream)
        assert info.value.code == "not-set-up" and "LOGNAME" in info.value.hint

    run(main())
