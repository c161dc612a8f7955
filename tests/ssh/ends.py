"""Both ends of a session in one process, on a pipe: ours, and asyncssh's own for comparison."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import asyncssh
from asyncssh.connection import SSHClientConnection, SSHServerConnection

from tests.kit.pipe import PipeTransport, pipe
from tests.kit.recorder import Recorder
from tunnel_whisperer.base.errors import Refused, TwError
from tunnel_whisperer.base.values import HostPort
from tunnel_whisperer.ssh.endpoint import ServerSession, SshEndpoint
from tunnel_whisperer.ssh.keys import generate_ed25519, normalise_public
from tunnel_whisperer.ssh.session import ClientSession, OpenStream, open_session

HOST_KEY, HOST_PUBLIC = generate_ed25519("host")
USER_KEY, USER_PUBLIC = generate_ed25519("user")
OTHER_KEY, OTHER_PUBLIC = generate_ed25519("other")

TARGET = HostPort("127.0.0.1", 5432)
BIND = HostPort("127.0.0.1", 20001)
ORIGIN = HostPort("192.0.2.9", 40000)


class Door:
    """A policy that lets one key in, and opens and publishes what it is told to."""

    def __init__(self) -> None:
        self.users = {normalise_public(USER_PUBLIC)}
        self.opens = {TARGET}
        self.listens = {BIND}
        self.make: Callable[[], asyncio.Protocol] = Recorder
        self.opened: list[asyncio.Protocol] = []
        self.asked: list[HostPort] = []
        self.attempts: list[tuple[str, str]] = []
        self.sessions: list[ServerSession] = []
        self.closed: list[TwError | None] = []
        self.given_up: list[HostPort] = []
        self.delay: asyncio.Event | None = None

    def authenticate(self, user: str, public_key: str) -> bool:
        self.attempts.append((user, public_key))
        return user == "tw" and public_key in self.users

    async def open(self, session: ServerSession, target: HostPort, origin: HostPort) -> asyncio.Protocol:
        self.asked.append(target)
        if self.delay is not None:
            await self.delay.wait()
        if target not in self.opens:
            raise Refused("not-authorised", f"no grant for {target}")
        protocol = self.make()
        self.opened.append(protocol)
        return protocol

    def listen(self, session: ServerSession, bind: HostPort) -> bool:
        return bind in self.listens

    def unlisten(self, session: ServerSession, bind: HostPort) -> None:
        self.given_up.append(bind)

    def session_opened(self, session: ServerSession) -> None:
        self.sessions.append(session)

    def session_closed(self, session: ServerSession, error: TwError | None) -> None:
        self.closed.append(error)


@dataclass
class Ends:
    """A session that is logged in."""

    session: ClientSession
    door: Door
    client_end: PipeTransport
    server_end: PipeTransport

    @property
    def server(self) -> ServerSession:
        return self.door.sessions[0]

    async def channel(
        self, protocol: asyncio.Protocol | None = None
    ) -> tuple[asyncio.Transport, Recorder, asyncio.Transport, Recorder]:
        """A channel to TARGET: our transport and recorder, the far side's transport and recorder."""
        left = protocol or Recorder()
        transport, _ = await self.session.open_channel(TARGET, ORIGIN, lambda: left)
        right = self.door.opened[-1]
        assert isinstance(right, Recorder) and right.transport is not None and isinstance(left, Recorder)
        return transport, left, right.transport, right


def stream_to(
    protocol: Callable[[], asyncio.BaseProtocol], **options: Any
) -> tuple[OpenStream, list[PipeTransport]]:
    """What ``open_session`` opens: a pipe to a new ``protocol``; and its ends, for later."""
    ends: list[PipeTransport] = []

    async def open_stream(
        factory: Callable[[], asyncio.Protocol],
    ) -> tuple[asyncio.Transport, asyncio.Protocol]:
        ends[:] = pipe(**options)
        ends[1].start(protocol())
        mine = factory()
        ends[0].start(mine)
        return ends[0], mine

    return open_stream, ends


async def log_in(
    open_stream: OpenStream,
    *,
    user: str = "tw",
    private_key: bytes = USER_KEY,
    host_key: str = HOST_PUBLIC,
) -> ClientSession:
    """Our client."""
    return await open_session(
        open_stream, user=user, private_key=private_key, host_key=host_key, name="server"
    )


@asynccontextmanager
async def joined(door: Door | None = None, **options: Any) -> AsyncIterator[Ends]:
    """Our client at our endpoint; ends with neither a task nor a timer left."""
    door = door or Door()
    endpoint = SshEndpoint(HOST_KEY, door)
    open_stream, ends = stream_to(lambda: endpoint.accept({"peername": ("192.0.2.9", 40000)}), **options)
    session = await log_in(open_stream)
    while not door.sessions:  # the server knows it first, but its callbacks may be a turn behind
        await asyncio.sleep(0)
    try:
        yield Ends(session, door, ends[0], ends[1])
    finally:
        session.abort()
        for end in ends:
            end.abort()
        await session.closed
        await asyncio.sleep(2)


def plain_client(
    waiter: asyncio.Future[None], *, key: bytes = USER_KEY, user: str = "tw", **options: Any
) -> SSHClientConnection:
    """asyncssh's own client, a protocol for a stream; ``waiter`` is resolved by the login."""
    settings: dict[str, Any] = {
        "config": [],
        "username": user,
        "host": "server",
        "known_hosts": None,
        "client_keys": [asyncssh.import_private_key(key)],
        "agent_path": None,
    }
    built = asyncssh.SSHClientConnectionOptions(client_factory=asyncssh.SSHClient, **{**settings, **options})
    built.waiter = waiter
    return SSHClientConnection(asyncio.get_running_loop(), built, wait="auth")


@asynccontextmanager
async def plain_client_at(
    door: Door, *, pipe_options: dict[str, Any] | None = None, **options: Any
) -> AsyncIterator[SSHClientConnection]:
    """asyncssh's own client, logged in at our endpoint."""
    waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    connection = plain_client(waiter, **options)
    ends = pipe(**(pipe_options or {}))
    ends[1].start(SshEndpoint(HOST_KEY, door).accept({}))
    ends[0].start(connection)
    try:
        await waiter
        yield connection
    finally:
        connection.abort()
        for end in ends:
            end.abort()
        await connection.wait_closed()
        await asyncio.sleep(2)


def plain_server(server: asyncssh.SSHServer, **options: Any) -> SSHServerConnection:
    """asyncssh's own server, a protocol for a stream."""
    settings: dict[str, Any] = {"config": [], "server_host_keys": [asyncssh.import_private_key(HOST_KEY)]}
    return SSHServerConnection(
        asyncio.get_running_loop(),
        asyncssh.SSHServerConnectionOptions(server_factory=lambda: server, **{**settings, **options}),
    )


class PlainServer(asyncssh.SSHServer):
    """Lets the user's key in; each connection is an echo."""

    def __init__(self) -> None:
        self.targets: list[tuple[str, int]] = []

    def begin_auth(self, username: str) -> bool:
        return True

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        return key.export_public_key().decode().split()[:2] == USER_PUBLIC.split()[:2]

    def connection_requested(self, dest_host: str, dest_port: int, orig_host: str, orig_port: int) -> Any:
        self.targets.append((dest_host, dest_port))
        if dest_port == 1:
            return False
        return Echo()


class Echo(asyncssh.SSHTCPSession[bytes]):
    """Sends back what it gets, and its end after the peer's."""

    def connection_made(self, chan: asyncssh.SSHTCPChannel[bytes]) -> None:
        self._chan = chan

    def data_received(self, data: bytes, datatype: asyncssh.DataType) -> None:
        self._chan.write(data)

    def eof_received(self) -> bool:
        self._chan.write_eof()
        return True
