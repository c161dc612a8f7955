from __future__ import annotations

import asyncio
import base64
import random
from collections.abc import Awaitable, Callable
from typing import Any

import asyncssh
import pytest
from asyncssh.connection import SSHClientConnection
from asyncssh.constants import MSG_CHANNEL_OPEN, MSG_GLOBAL_REQUEST, MSG_USERAUTH_REQUEST
from asyncssh.packet import Boolean, SSHPacket, String, UInt32

from tests.kit.clock import run
from tests.kit.pipe import PipeTransport, pipe
from tests.kit.recorder import Recorder
from tests.ssh.ends import (
    BIND,
    HOST_KEY,
    HOST_PUBLIC,
    ORIGIN,
    OTHER_KEY,
    OTHER_PUBLIC,
    TARGET,
    USER_KEY,
    USER_PUBLIC,
    Door,
    joined,
    log_in,
    plain_client,
    plain_client_at,
    stream_to,
)
from tunnel_whisperer.base.errors import Refused, TwError, Unreachable
from tunnel_whisperer.base.limits import SSH_LOGIN_FAILURES, SSH_LOGIN_TIMEOUT_S
from tunnel_whisperer.base.values import HostPort
from tunnel_whisperer.ssh.endpoint import ServerSession, SshEndpoint
from tunnel_whisperer.ssh.keys import normalise_public

MB = 1024 * 1024


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


# -- logging in ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("user", "key"), [("tw", OTHER_KEY), ("root", USER_KEY), ("", USER_KEY)], ids=["key", "name", "no name"]
)
def test_another_key_or_name_is_not_let_in(user: str, key: bytes) -> None:
    async def main() -> None:
        door = Door()
        with pytest.raises(asyncssh.PermissionDenied):
            async with plain_client_at(door, key=key, user=user):
                pass
        assert not door.sessions and not door.closed

    run(main())


@pytest.mark.parametrize(
    "method", ["password", "keyboard-interactive", "hostbased", "none", "gssapi-with-mic"]
)
def test_no_other_way_to_log_in(method: str) -> None:
    async def main() -> None:
        door = Door()
        tried: list[list[str]] = []

        class Client(asyncssh.SSHClient):
            def password_auth_requested(self) -> str:
                return "secret"

            def kbdint_auth_requested(self) -> str:
                return ""

        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        connection = plain_client(waiter, preferred_auth=[method], password="secret")
        connection._protocol_factory = Client
        near, far = pipe()
        far.start(SshEndpoint(HOST_KEY, door).accept({}))
        near.start(connection)
        with pytest.raises(asyncssh.PermissionDenied):
            await waiter
        assert not door.attempts and not tried and not door.sessions
        await asyncio.sleep(2)

    run(main())


class _Rude(SSHClientConnection):
    """Has its say as soon as it may speak of logging in."""

    say: Callable[[_Rude], None]

    def try_next_auth(self, *, next_method: bool = False) -> None:
        type(self).say(self)

    def _process_userauth_failure(self, kind: int, seq: int, packet: SSHPacket) -> None:
        self.failures = getattr(self, "failures", 0) + 1

    _packet_handlers = {**SSHClientConnection._packet_handlers, 51: _process_userauth_failure}  # noqa: RUF012


async def _rude(door: Door, say: Callable[[_Rude], None]) -> tuple[_Rude, PipeTransport]:
    waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    waiter.add_done_callback(lambda done: done.exception())
    rude = type("Rude", (_Rude,), {"say": staticmethod(say)})
    connection: _Rude = rude(asyncio.get_running_loop(), plain_client(waiter)._options, wait="auth")
    near, far = pipe()
    far.start(SshEndpoint(HOST_KEY, door).accept({}))
    near.start(connection)
    return connection, near


def test_before_the_login_nothing_is_served() -> None:
    def say(client: _Rude) -> None:
        client._auth_complete = True  # so that it is sent at all
        client.send_packet(
            MSG_CHANNEL_OPEN, String(b"direct-tcpip"), UInt32(0), UInt32(1000), UInt32(1000),
            String(b"127.0.0.1"), UInt32(5432), String(b""), UInt32(0),
        )  # fmt: skip

    async def main() -> None:
        door = Door()
        client, _ = await _rude(door, say)
        await asyncio.sleep(3)
        assert client.is_closed() and not door.asked and not door.sessions

    run(main())


def test_no_listener_before_the_login() -> None:
    def say(client: _Rude) -> None:
        client._auth_complete = True
        client.send_packet(
            MSG_GLOBAL_REQUEST, String(b"tcpip-forward"), Boolean(True), String(b"127.0.0.1"), UInt32(20001)
        )

    async def main() -> None:
        door = Door()
        client, _ = await _rude(door, say)
        await asyncio.sleep(3)
        assert client.is_closed() and not door.sessions

    run(main())


def _request(client: _Rude, *, signature: bytes | None = None, key: str = USER_PUBLIC) -> None:
    data = base64.b64decode(key.split()[1])
    head = (String(b"tw"), String(b"ssh-connection"), String(b"publickey"))
    signed = (Boolean(signature is not None), String(b"ssh-ed25519"), String(data))
    client.send_packet(
        MSG_USERAUTH_REQUEST, *head, *signed, *([] if signature is None else [String(signature)])
    )


def test_a_key_without_a_good_signature_is_worth_nothing() -> None:
    def say(client: _Rude) -> None:
        _request(client)  # "would this key do?"
        _request(client, signature=String(b"ssh-ed25519") + String(b"\0" * 64))
        client._auth_complete = True
        client.send_packet(
            MSG_CHANNEL_OPEN, String(b"direct-tcpip"), UInt32(0), UInt32(1000), UInt32(1000),
            String(b"127.0.0.1"), UInt32(5432), String(b""), UInt32(0),
        )  # fmt: skip

    async def main() -> None:
        door = Door()
        client, _ = await _rude(door, say)
        await asyncio.sleep(3)
        assert door.attempts and not door.sessions and not door.asked
        assert client.is_closed()

    run(main())


def test_somebody_who_tries_keys_without_end_is_sent_away() -> None:
    def say(client: _Rude) -> None:
        for _ in range(100):
            _request(client, key=OTHER_PUBLIC)

    async def main() -> None:
        door = Door()
        client, _ = await _rude(door, say)
        await asyncio.sleep(3)
        assert client.is_closed()
        assert len(door.attempts) == SSH_LOGIN_FAILURES + 1

    run(main())


@pytest.mark.parametrize("how_far", ["not a byte", "a version", "half a packet", "keys agreed on"])
def test_who_does_not_log_in_in_time_is_sent_away(how_far: str) -> None:
    async def main() -> None:
        door, recorder = Door(), Recorder()
        if how_far == "keys agreed on":
            _, near = await _rude(door, lambda client: None)
        else:
            near, far = pipe()
            far.start(SshEndpoint(HOST_KEY, door).accept({}))
            near.start(recorder)
            near.write(
                {"not a byte": b"", "a version": b"SSH-2.0-x\r\n"}.get(how_far, b"SSH-2.0-x\r\n\0\0\1")
            )
        await asyncio.sleep(SSH_LOGIN_TIMEOUT_S - 0.1)
        assert not near.is_closing()
        await asyncio.sleep(SSH_LOGIN_TIMEOUT_S)
        assert near.is_closing() or recorder.eof
        near.abort()
        assert not door.sessions and not door.closed
        await asyncio.sleep(2)

    run(main())


@pytest.mark.parametrize(
    "greeting",
    [b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\x16\x03\x01\x02\0\x01", b"SSH-1.5-old\r\n", b"\0" * 9000,
     b"x" * 20_000, b"SSH-2.0-\xff\xfe\r\n", b"SSH-2.0-" + b"y" * 300 + b"\r\n"],
)  # fmt: skip
def test_somebody_who_speaks_another_language_is_sent_away(greeting: bytes) -> None:
    async def main() -> None:
        door, recorder = Door(), Recorder(keep_open=False)
        near, far = pipe()
        far.start(SshEndpoint(HOST_KEY, door).accept({}))
        near.start(recorder)
        near.write(greeting)
        await recorder.until(lambda: recorder.eof or recorder.lost, s=2 * SSH_LOGIN_TIMEOUT_S)
        near.abort()
        assert not door.sessions and not door.closed and not door.attempts
        await asyncio.sleep(30)

    run(main())


def test_any_bytes_at_all_end_in_nothing_worse_than_an_end() -> None:
    async def main() -> None:
        for seed in range(40):
            noise = random.Random(seed)
            near, far = pipe()
            door = Door()
            far.start(SshEndpoint(HOST_KEY, door).accept({}))
            near.start(Recorder())
            near.write(b"SSH-2.0-x\r\n")
            near.write(noise.choice([b"", b"\0\0\0\x0c\x06"]) + noise.randbytes(noise.randrange(3000)))
            await asyncio.sleep(1)
            near.abort()
            await asyncio.sleep(25)
            assert not door.sessions

    run(main(), timeout_s=1e5)


def test_who_is_in_is_known_by_the_key_that_signed() -> None:
    async def main() -> None:
        door = Door()
        door.users.add(normalise_public(OTHER_PUBLIC))
        endpoint = SshEndpoint(HOST_KEY, door)
        for key, public in ((USER_KEY, USER_PUBLIC), (OTHER_KEY, OTHER_PUBLIC)):
            open_stream, ends = stream_to(lambda: endpoint.accept({"tenant": "t1"}))
            session = await log_in(open_stream, private_key=key)
            await asyncio.sleep(0.1)
            server = door.sessions[-1]
            assert server.user == "tw" and server.public_key == normalise_public(public)
            assert server.extra == {"tenant": "t1"}
            session.abort()
            ends[1].abort()
        await asyncio.sleep(2)
        assert len(door.closed) == 2

    run(main())


# -- strict key exchange (Terrapin, CVE-2023-48795) --------------------------------------------------------

_IGNORE = b"\0\0\0\x0c\x06\x02" + b"\0\0\0\0" + b"\0" * 6
"""MSG_IGNORE with an empty string, in clear (RFC 4253 sections 6 and 11.2)."""


@pytest.mark.parametrize("victim", ["client", "server"])
@pytest.mark.parametrize("after", [1, 2])
def test_a_packet_smuggled_into_the_key_exchange_ends_it(victim: str, after: int) -> None:
    """After the version line or after KEXINIT, sent in clear by somebody in between."""

    async def main() -> None:
        door = Door()
        open_stream, ends = stream_to(lambda: SshEndpoint(HOST_KEY, door).accept({}))

        async def tampered(factory: Callable[[], asyncio.Protocol]) -> Any:
            def make() -> asyncio.Protocol:
                protocol = factory()
                sender = ends[1 if victim == "client" else 0]
                write, passed = sender.write, 0

                def meddle(data: bytes | bytearray | memoryview) -> None:
                    nonlocal passed
                    passed += 1
                    data, rest = bytes(data), b""
                    if after == 1 and passed == 1:
                        line, _, rest = data.partition(b"\r\n")
                        data = line + b"\r\n"
                    write(data)
                    if passed == after:
                        write(_IGNORE)
                    if rest:
                        write(rest)

                sender.write = meddle  # type: ignore[method-assign]
                return protocol

            return await open_stream(make)

        with pytest.raises(TwError, match="Strict key exchange violation"):
            await log_in(tampered)
        assert not door.sessions
        await asyncio.sleep(30)

    run(main())


def test_both_ends_ask_for_the_strict_key_exchange_and_get_it() -> None:
    async def main() -> None:
        async with joined() as pair:
            client, server = pair.session._connection, pair.server._connection
            assert b"kex-strict-c-v00@openssh.com" in client._client_kexinit
            assert b"kex-strict-s-v00@openssh.com" in client._server_kexinit
            assert client._strict_kex and server._strict_kex

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
            assert pair.door.closed == [None]
            pair.server.close("again")

    run(main())


def test_a_closed_session_is_gone_within_two_seconds_even_if_nobody_listens() -> None:
    async def main() -> None:
        async with joined() as pair:
            _, _, _, right = await pair.channel()
            pair.client_end.black_hole()
            pair.server.close("this user was removed")
            await asyncio.sleep(1.1)
            assert right.lost and pair.door.closed == [None]
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
