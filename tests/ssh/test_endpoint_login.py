"""Before the login, and how it is defended."""

from __future__ import annotations

import asyncio
import base64
import random
from collections.abc import Callable
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
    HOST_KEY,
    OTHER_KEY,
    OTHER_PUBLIC,
    USER_KEY,
    USER_PUBLIC,
    Door,
    joined,
    log_in,
    plain_client,
    plain_client_at,
    stream_to,
)
from tunnel_whisperer.base.errors import TwError
from tunnel_whisperer.base.limits import SSH_LOGIN_FAILURES, SSH_LOGIN_TIMEOUT_S
from tunnel_whisperer.ssh.endpoint import SshEndpoint
from tunnel_whisperer.ssh.keys import normalise_public

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
