from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any

import asyncssh
import pytest
from asyncssh.connection import SSHClientConnection
from asyncssh.constants import MSG_CHANNEL_OPEN
from asyncssh.packet import SSHPacket, String, UInt32

from tests.kit.clock import run
from tests.kit.pipe import pipe
from tests.kit.recorder import Recorder
from tests.ssh.ends import (
    BIND,
    HOST_KEY,
    HOST_PUBLIC,
    ORIGIN,
    TARGET,
    Door,
    joined,
    plain_client_at,
)
from tunnel_whisperer.base.errors import Refused, Retry, TwError, Unreachable
from tunnel_whisperer.base.values import HostPort
from tunnel_whisperer.ssh.endpoint import ServerSession, SshEndpoint

MB = 1024 * 1024


# -- logins that never end ---------------------------------------------------------------------------


def test_one_login_too_many_ends_the_oldest() -> None:
    async def main() -> None:
        endpoint = SshEndpoint(HOST_KEY, Door(), max_logins=2)
        knockers = [Recorder() for _ in range(3)]
        for knocker in knockers:
            near, far = pipe()
            near.start(knocker)
            far.start(endpoint.accept({}))
            await knocker.got(4)  # its version
        await knockers[0].until(lambda: knockers[0].eof or knockers[0].lost)
        assert [knocker.eof or knocker.lost for knocker in knockers] == [True, False, False]
        for knocker in knockers:
            assert knocker.transport is not None
            knocker.transport.abort()
        await asyncio.sleep(2)
        assert not endpoint._logins

    run(main())


# -- nothing but granted connections -----------------------------------------------------------------


async def _subsystem(client: SSHClientConnection) -> object:
    return await client.start_sftp_client()


async def _exec(client: SSHClientConnection) -> object:
    return await client.run("id", check=True)


async def _shell(client: SSHClientConnection) -> object:
    return await client.create_process()


async def _terminal(client: SSHClientConnection) -> object:
    return await client.create_process(term_type="xterm", request_pty="force")


async def _x11(client: SSHClientConnection) -> object:
    return await client.create_process("id", x11_forwarding="ignore_failure", x11_display="localhost:0")


async def _unix_socket(client: SSHClientConnection) -> object:
    return await client.open_unix_connection("/run/postgres.sock")


async def _unix_listener(client: SSHClientConnection) -> object:
    return await client.forward_remote_path("/tmp/x", "/tmp/y")


async def _listener(client: SSHClientConnection) -> object:
    return await client.forward_remote_port("127.0.0.1", 20002, "127.0.0.1", 1)


async def _any_listener(client: SSHClientConnection) -> object:
    return await client.forward_remote_port("", 0, "127.0.0.1", 1)


async def _tunnel_device(client: SSHClientConnection) -> object:
    return await client.create_tun(asyncssh.SSHTunTapSession)


async def _other_target(client: SSHClientConnection) -> object:
    return await client.open_connection("127.0.0.1", 5433)


async def _other_name(client: SSHClientConnection) -> object:
    return await client.open_connection("localhost", 5432)


@pytest.mark.parametrize(
    "ask",
    [
        _exec, _shell, _terminal, _subsystem, _x11, _unix_socket, _unix_listener, _listener,
        _any_listener, _tunnel_device, _other_target, _other_name,
    ],
)  # fmt: skip
def test_whatever_else_ssh_can_do_is_refused(ask: Callable[[SSHClientConnection], Awaitable[object]]) -> None:
    async def main() -> None:
        door = Door()
        async with plain_client_at(door) as client:
            with pytest.raises((asyncssh.ChannelOpenError, asyncssh.ChannelListenError, OSError)):
                await ask(client)
            assert not door.opened and not door.closed
            await client.open_connection("127.0.0.1", 5432)  # the session lives

    run(main())


@pytest.mark.parametrize(
    "kind",
    [b"session", b"x11", b"auth-agent@openssh.com", b"tun@openssh.com", b"forwarded-tcpip", b"channel",
     b"direct-streamlocal@openssh.com", b"global-request", b"nonsense", b"", b"direct_tcpip "],
)  # fmt: skip
def test_no_other_type_of_channel_is_opened(kind: bytes) -> None:
    async def main() -> None:
        async with joined() as pair:
            connection = pair.session._connection
            connection.send_packet(
                MSG_CHANNEL_OPEN, String(kind), UInt32(9), UInt32(1000), UInt32(1000), b"\0" * 40
            )
            seen: list[int] = []
            process = connection.process_packet

            def watch(pkttype: int, pktid: int, packet: SSHPacket) -> Any:
                if pkttype == 92:
                    seen.append(pkttype)
                    return True
                return process(pkttype, pktid, packet)

            connection.process_packet = watch  # type: ignore[method-assign]
            await asyncio.sleep(1)
            assert seen == [92] and not pair.door.closed and pair.server.channels == 0

    run(main())


@pytest.mark.parametrize(
    "request_name",
    [
        "streamlocal-forward@openssh.com",
        "hostkeys-prove-00@openssh.com",
        "no-more-sessions@openssh.com",
        "what",
    ],
)
def test_no_other_global_request_is_granted(request_name: str) -> None:
    async def main() -> None:
        async with joined() as pair:
            kind, _ = await pair.session._connection._make_global_request(
                request_name.encode(), String(b"/tmp/x")
            )
            assert kind == 82
            assert not pair.door.closed

    run(main())


# -- channels ----------------------------------------------------------------------------------------------


def test_each_channel_is_asked_for_again() -> None:
    async def main() -> None:
        door = Door()
        async with plain_client_at(door) as client:
            await client.open_connection("127.0.0.1", 5432)
            door.opens.clear()  # the grant has ended meanwhile
            with pytest.raises(asyncssh.ChannelOpenError, match="no grant for") as info:
                await client.open_connection("127.0.0.1", 5432)
            assert info.value.code == asyncssh.OPEN_ADMINISTRATIVELY_PROHIBITED
            assert door.asked == [TARGET, TARGET]

    run(main())


@pytest.mark.parametrize(
    ("host", "port"), [("*", 80), ("", 80), ("a b", 80), ("db", 0), ("127.0.0.1:5432", 1)]
)
def test_what_is_no_address_is_refused_without_asking(host: str, port: int) -> None:
    async def main() -> None:
        door = Door()
        async with plain_client_at(door) as client:
            with pytest.raises(asyncssh.ChannelOpenError):
                await client.open_connection(host, port)
            assert not door.asked

    run(main())


def test_asyncssh_as_client_echo_half_close_and_many_at_once() -> None:
    async def main() -> None:
        door = Door()

        def make() -> Recorder:
            right = Recorder()
            right.on_data = lambda data: right.transport.write(data)  # type: ignore[union-attr] # noqa: PLW0108
            right.on_eof = lambda: right.transport.write_eof()  # type: ignore[union-attr] # noqa: PLW0108
            return right

        door.make = make
        async with plain_client_at(door) as client:

            async def one(number: int) -> None:
                reader, writer = await client.open_connection("127.0.0.1", 5432)
                data = random.Random(number).randbytes(1000 * number)
                writer.write(data)
                writer.write_eof()
                assert await reader.read() == data

            async with asyncio.TaskGroup() as group:
                for number in range(100):
                    group.create_task(one(number))
            await asyncio.sleep(1)
            assert door.sessions[0].channels == 0

    run(main())


def test_a_target_that_cannot_be_reached_is_told_as_such() -> None:
    async def main() -> None:
        async with joined() as pair:

            async def unreachable(
                session: ServerSession, target: HostPort, origin: HostPort
            ) -> asyncio.Protocol:
                raise Unreachable("target-refused", "nobody listens there")

            pair.door.open = unreachable  # type: ignore[method-assign]
            with pytest.raises(Unreachable, match="nobody listens there") as info:
                await pair.channel()
            assert info.value.code == "target-refused" and info.value.where == "127.0.0.1:5432"

    run(main())


def test_a_fault_in_the_policy_is_told_to_nobody_and_ends_one_channel(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def main() -> None:
        async with joined() as pair:
            good = pair.door.open

            async def broken(session: ServerSession, target: HostPort, origin: HostPort) -> asyncio.Protocol:
                raise KeyError("/etc/secret/path")

            pair.door.open = broken  # type: ignore[method-assign]
            with pytest.raises(Refused) as info:
                await pair.channel()
            assert "secret" not in str(info.value)
            pair.door.open = good  # type: ignore[method-assign]
            await pair.channel()

    run(main())
    assert "KeyError" in caplog.text


def test_who_has_gone_before_the_target_answered_leaves_nothing_open() -> None:
    async def main() -> None:
        door = Door()
        door.delay = asyncio.Event()
        async with joined(door) as pair:
            asking = asyncio.ensure_future(pair.channel())
            await asyncio.sleep(1)
            assert pair.server.channels == 1
            pair.session.abort()
            with pytest.raises(Unreachable) as info:
                await asking
            assert info.value.code == "session-lost"
            await asyncio.sleep(2)
            door.delay.set()
            await asyncio.sleep(1)
            assert not door.opened and pair.server.channels == 0

    run(main())


# -- published addresses ---------------------------------------------------------------------------------


def test_a_published_address_is_reached_through_the_session() -> None:
    async def main() -> None:
        async with joined() as pair:
            left, origins = Recorder(), []

            def accept(origin: HostPort) -> asyncio.Protocol:
                origins.append(origin)
                return left

            await pair.session.publish(BIND, accept)
            transport, right = await pair.server.open_forwarded(BIND, ORIGIN, Recorder)
            transport.write(b"hello")
            await left.got(5)
            assert origins == [ORIGIN] and isinstance(right, Recorder)

    run(main())


def test_what_is_not_published_is_not_there() -> None:
    async def main() -> None:
        async with joined() as pair:
            with pytest.raises(Unreachable) as info:
                await pair.server.open_forwarded(BIND, ORIGIN, Recorder)
            assert info.value.code == "server-not-there"
            await pair.session.publish(BIND, lambda origin: Recorder())
            pair.session.abort()
            await asyncio.sleep(3)
            with pytest.raises(Unreachable) as info:
                await pair.server.open_forwarded(BIND, ORIGIN, Recorder)
            assert info.value.code == "server-not-there"

    run(main())


def test_asyncssh_as_client_publishes_and_gives_up() -> None:
    async def main() -> None:
        door = Door()
        async with plain_client_at(door) as client:
            got: list[tuple[str, int]] = []

            def taken(host: str, port: int) -> Any:
                got.append((host, port))

                async def serve(reader: Any, writer: Any) -> None:
                    writer.write(await reader.read())
                    writer.write_eof()

                return serve

            listener = await client.start_server(taken, "127.0.0.1", 20001, encoding=None)
            transport, right = await door.sessions[0].open_forwarded(BIND, ORIGIN, Recorder)
            assert isinstance(right, Recorder)
            transport.write(b"through")
            transport.write_eof()
            await right.got_eof()
            assert right.received == b"through" and got == [("192.0.2.9", 40000)]
            listener.close()
            await listener.wait_closed()
            await asyncio.sleep(1)
            assert door.given_up == [BIND]
            with pytest.raises(Unreachable):
                await door.sessions[0].open_forwarded(BIND, ORIGIN, Recorder)

    run(main())


def test_giving_up_what_was_not_published_is_refused() -> None:
    async def main() -> None:
        async with joined() as pair:
            kind, _ = await pair.session._connection._make_global_request(
                b"cancel-tcpip-forward", String(b"127.0.0.1"), UInt32(20001)
            )
            assert kind == 82 and not pair.door.given_up

    run(main())


# -- ends --------------------------------------------------------------------------------------------------


def test_a_session_that_is_closed_says_why_and_resets_its_channels() -> None:
    """As when a user is revoked: an application must not take what it has for all there was."""

    async def main() -> None:
        async with joined() as pair:
            transport, left, _, right = await pair.channel()
            pair.server.close("this user was removed")
            error = await pair.session.closed
            assert error is not None and "this user was removed" in str(error)
            await left.got_lost()
            await right.got_lost()
            assert left.lost_exc is not None and right.lost_exc is None and not left.eof
            assert transport.is_closing()
            await asyncio.sleep(2)
            assert [str(reason) for reason in pair.door.closed] == ["this user was removed"]
            pair.server.close("again")

    run(main())


@pytest.mark.parametrize(
    ("code", "retry"), [("session-replaced", Retry.NEVER), ("user-not-active", Retry.BACKOFF)]
)
def test_a_session_that_is_ended_with_a_code_ends_with_that_code_at_the_client(
    code: str, retry: Retry
) -> None:
    async def main() -> None:
        async with joined() as pair:
            pair.server.close("in words", code)
            error = await pair.session.closed
            assert isinstance(error, Refused)
            assert (error.code, error.retry) == (code, retry)
            assert error.why == "the server ended the session: in words" and error.hint

    run(main())


def test_a_closed_session_is_gone_within_two_seconds_even_if_nobody_listens() -> None:
    async def main() -> None:
        async with joined() as pair:
            _, _, _, right = await pair.channel()
            pair.client_end.black_hole()
            pair.server.close("this user was removed")
            await asyncio.sleep(1.1)
            assert right.lost and [str(reason) for reason in pair.door.closed] == ["this user was removed"]
            assert pair.server_end.is_closing()

    run(main())


def test_a_lost_stream_is_told_with_its_reason() -> None:
    async def main() -> None:
        async with joined() as pair:
            _, _, _, right = await pair.channel()
            pair.client_end.cut()
            await right.got_lost()
            (error,) = pair.door.closed
            assert error is not None and error.code == "session-lost" and right.lost_exc is not None

    run(main())


def test_a_host_key_that_cannot_be_read_is_refused_at_once() -> None:
    with pytest.raises(TwError) as info:
        SshEndpoint(b"nonsense", Door())
    assert info.value.code == "bad-key"


def test_the_host_key_is_the_given_one() -> None:
    async def main() -> None:
        async with plain_client_at(Door()) as client:
            key = client.get_server_host_key()
            assert key is not None
            assert key.export_public_key().decode().split()[:2] == HOST_PUBLIC.split()[:2]

    run(main())
