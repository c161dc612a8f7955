"""The client side of a session: log in over a stream, open channels, publish a reverse listener."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import asyncssh
from asyncssh import ChannelOpenError, SSHClientConnectionOptions, SSHKey
from asyncssh.connection import SSHClientConnection
from asyncssh.constants import (
    MSG_DISCONNECT,
    MSG_REQUEST_SUCCESS,
    OPEN_ADMINISTRATIVELY_PROHIBITED,
    OPEN_CONNECT_FAILED,
    OPEN_RESOURCE_SHORTAGE,
)
from asyncssh.packet import SSHPacket, String, UInt32

from ..base.errors import Misuse, Refused, TwError, Unreachable
from ..base.limits import MAX_CHANNELS_PER_SESSION, SSH_LOGIN_TIMEOUT_S, SSH_OPEN_TIMEOUT_S
from ..base.values import HostPort
from .addresses import peer_address
from .channel import ChannelTransport
from .faults import open_failure_code, session_fault
from .keys import load_private, load_public
from .offer import offers_only
from .options import common_options
from .packets import PacketPath
from .pulse import Pulse
from .wire import SshWire

__all__ = ["ClientSession", "OpenStream", "open_session"]

_log = logging.getLogger("tw.ssh.session")

OpenStream = Callable[[Callable[[], asyncio.Protocol]], Awaitable[tuple[asyncio.Transport, asyncio.Protocol]]]
"""Opens the stream below the session and connects the protocol that it is given."""

AcceptForwarded = Callable[[HostPort], asyncio.Protocol]
"""Makes the protocol for a connection that came in at a published address; given its origin."""


@offers_only("_process_forwarded_tcpip_open", "_process_keepalive_at_openssh_dot_com_global_request")
class _Connection(PacketPath, SSHClientConnection):
    """asyncssh's client, with our packet path and channels."""

    session: ClientSession
    farewell: str | None = None
    """The reason in the peer's disconnect message."""

    def _process_disconnect(self, pkttype: int, pktid: int, packet: SSHPacket) -> None:
        copy = SSHPacket(packet.get_remaining_payload())
        copy.get_uint32()
        self.farewell = copy.get_string().decode("utf-8", "replace")
        super()._process_disconnect(pkttype, pktid, packet)

    def _process_forwarded_tcpip_open(self, packet: SSHPacket) -> Any:
        host, port = packet.get_string(), packet.get_uint32()
        origin = peer_address(packet.get_string(), packet.get_uint32())
        packet.check_end()
        bind = peer_address(host, port)
        accept = self.session._published.get(bind) if bind is not None else None
        if accept is None:
            raise ChannelOpenError(OPEN_CONNECT_FAILED, "no such listener")
        if len(self._channels) >= MAX_CHANNELS_PER_SESSION:
            raise ChannelOpenError(OPEN_RESOURCE_SHORTAGE, "too many channels")
        who = origin or HostPort("0.0.0.0", 1)
        channel = ChannelTransport(self, {"peername": (who.host, who.port)})
        return channel, lambda channel: _accept_forwarded(channel, accept, who)

    _packet_handlers = {  # noqa: RUF012 - the base class has declared it so
        **SSHClientConnection._packet_handlers,
        MSG_DISCONNECT: _process_disconnect,
    }


def _accept_forwarded(channel: ChannelTransport, accept: AcceptForwarded, origin: HostPort) -> None:
    try:
        protocol = accept(origin)
    except TwError as exc:
        channel.refuse(open_failure_code(exc), exc.why)
    except Exception:  # noqa: BLE001 - ours; not a reason to lose the session with everybody's channels
        _log.exception("a connection that came in could not be taken")
        channel.refuse(OPEN_ADMINISTRATIVELY_PROHIBITED, "internal fault")
    else:
        channel.accept(protocol)


class _Owner(asyncssh.SSHClient):
    """asyncssh's callbacks for one session."""

    def connection_made(self, conn: SSHClientConnection) -> None:
        assert isinstance(conn, _Connection)
        self._session = conn.session

    def connection_lost(self, exc: Exception | None) -> None:
        self._session._lost(exc)


class ClientSession:
    """An authenticated session; made by ``open_session``."""

    def __init__(self, connection: _Connection, name: str) -> None:
        self.name = name
        self.closed: asyncio.Future[TwError | None] = asyncio.get_running_loop().create_future()
        """Resolved when the session is over: the reason, or None after our own ``close``."""
        self._connection = connection
        self._published: dict[HostPort, AcceptForwarded] = {}
        self._pulse = Pulse(connection, connection.connection_lost, measures=True)
        self._ended_by_us = False
        self._logged_in = False

    @property
    def rtt_s(self) -> float | None:
        """Round trip end to end, seconds; None if not measured yet."""
        return self._pulse.rtt_s

    async def open_channel(
        self, target: HostPort, origin: HostPort, protocol_factory: Callable[[], asyncio.Protocol]
    ) -> tuple[ChannelTransport, asyncio.Protocol]:
        """A connection to ``target`` as the far side dials it.

        The protocol is made and connected when the far side has agreed, before any data.

        Raises:
            Refused: ``not-authorised``, ``too-many``.
            Unreachable: ``target-refused``, ``timeout``, ``session-lost``.
        """
        args = (
            String(target.host),
            UInt32(target.port),
            String(origin.host),
            UInt32(origin.port),
        )
        channel = self._new_channel({"peername": (target.host, target.port)})
        try:
            async with asyncio.timeout(SSH_OPEN_TIMEOUT_S):
                protocol = await channel.open(b"direct-tcpip", b"".join(args), protocol_factory)
        except TimeoutError:
            raise Unreachable(
                "timeout", f"no answer within {SSH_OPEN_TIMEOUT_S:g} s", where=str(target)
            ) from None
        except TwError as exc:
            if self.closed.done():  # whatever ended the session: nothing was opened, and the next one may try
                raise Unreachable("session-lost", f"the session ended: {exc}") from exc
            exc.where = exc.where or str(target)
            raise
        return channel, protocol

    def _new_channel(self, extra: dict[str, Any]) -> ChannelTransport:
        try:
            return ChannelTransport(self._connection, extra)
        except ChannelOpenError:
            raise Unreachable("session-lost", "the session is over") from None

    async def publish(self, bind: HostPort, accept: AcceptForwarded) -> None:
        """Have the far side listen on ``bind``; each connection there is given to ``accept``.

        Raises:
            Refused: ``not-authorised``: the far side does not allow it.
            Unreachable: ``timeout``, ``session-lost``.
        """
        self._published[bind] = accept  # before the answer: a connection may be right behind it
        published = False
        try:
            async with asyncio.timeout(SSH_OPEN_TIMEOUT_S):
                kind, _ = await self._connection._make_global_request(
                    b"tcpip-forward", String(bind.host), UInt32(bind.port)
                )
            published = kind == MSG_REQUEST_SUCCESS
        except TimeoutError:
            raise Unreachable(
                "timeout", f"no answer within {SSH_OPEN_TIMEOUT_S:g} s", where=str(bind)
            ) from None
        finally:
            if not published:
                del self._published[bind]
        if self._connection.over:  # then the answer is asyncssh's own
            raise Unreachable("session-lost", "the session ended")
        if not published:
            raise Refused("not-authorised", f"{self.name} does not let us listen on {bind}")

    def close(self) -> None:
        """End the session in order; open channels are reset, for their streams are not complete."""
        self._ended_by_us = True
        self._connection.reset_channels()
        self._connection.close()

    def abort(self) -> None:
        """End the session at once, without a word."""
        self._ended_by_us = True
        transport = self._connection._transport
        self._connection.abort()
        if isinstance(transport, SshWire):
            transport.cut()

    def _lost(self, exc: Exception | None) -> None:
        self._pulse.stop()
        if not self.closed.done():
            farewell = self._connection.farewell
            reason = None if self._ended_by_us else session_fault(exc, farewell, logged_in=self._logged_in)
            self.closed.set_result(reason)


def _options(
    user: str, private_key: SSHKey, host_key: SSHKey, waiter: asyncio.Future[None]
) -> SSHClientConnectionOptions:
    try:
        options = SSHClientConnectionOptions(
            **common_options(),
            client_factory=_Owner,
            client_version="tw",
            host="tw",
            username=user,
            known_hosts=([host_key], [], []),
            client_keys=[private_key],
            preferred_auth=["publickey"],
            agent_path=None,
            public_key_auth=True,
            login_timeout=0,
            connect_timeout=None,
        )
    except (ValueError, OSError):  # asyncssh asks the system for the name of the user that runs us
        raise Misuse(
            "not-set-up", "the system has no name for the user that runs this", hint="set LOGNAME"
        ) from None
    options.waiter = waiter
    return options


async def open_session(
    open_stream: OpenStream, *, user: str, private_key: bytes | Path, host_key: str, name: str
) -> ClientSession:
    """Open a stream and log in over it.

    Args:
        user: SSH user name.
        private_key: OpenSSH PEM, or the file that holds it.
        host_key: the only host key that is believed, ``ssh-ed25519 AAAA...``.
        name: of the far side, for messages.

    Raises:
        Refused: ``host-key-mismatch`` (never retry), ``user-not-active``.
        Unreachable: ``session-lost``, ``timeout``; or whatever the stream was lost with.
        Misuse: ``bad-key``.
    """
    loop = asyncio.get_running_loop()
    waiter: asyncio.Future[None] = loop.create_future()
    waiter.add_done_callback(lambda done: done.cancelled() or done.exception())  # told once, below
    options = _options(user, load_private(private_key), load_public(host_key), waiter)
    connection = _Connection(loop, options, wait="auth")
    session = connection.session = ClientSession(connection, name)
    try:
        await open_stream(lambda: SshWire(connection))
        await _log_in(waiter, connection, name)
    except OSError as exc:
        session.abort()
        raise session_fault(exc, None) from exc
    except BaseException:
        session.abort()
        raise
    session._logged_in = True
    session._pulse.start()
    return session


async def _log_in(waiter: asyncio.Future[None], connection: _Connection, name: str) -> None:
    try:
        async with asyncio.timeout(SSH_LOGIN_TIMEOUT_S):
            await waiter
    except TimeoutError:
        raise Unreachable("timeout", f"no login within {SSH_LOGIN_TIMEOUT_S:g} s", where=name) from None
    except Exception as exc:  # noqa: BLE001 - whatever the peer's bytes made asyncssh stumble over
        fault = session_fault(exc, connection.farewell)
        if fault is not exc:  # a fault of the stream below is not the far side's
            fault.where = name
        raise fault from (exc if fault is not exc else None)
