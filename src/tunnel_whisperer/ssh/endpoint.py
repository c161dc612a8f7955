"""The server side of a session: log in by key, ask the policy at each channel open, nothing else.

No shell, command, subsystem, terminal, agent, X11, password, Unix socket or tun device: they are
off in the options, and taken away besides (offer.py). Reverse listeners have no sockets: the
policy decides what a granted address means.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Protocol

import asyncssh
from asyncssh import ChannelOpenError, SSHKey, SSHServerConnectionOptions
from asyncssh.connection import SSHServerConnection
from asyncssh.constants import (
    DISC_BY_APPLICATION,
    OPEN_ADMINISTRATIVELY_PROHIBITED,
    OPEN_RESOURCE_SHORTAGE,
)
from asyncssh.packet import SSHPacket, String, UInt32
from asyncssh.public_key import decode_ssh_public_key

from ..base.errors import Refused, TwError, Unreachable
from ..base.limits import (
    MAX_CHANNELS_PER_SESSION,
    MAX_LOGINS,
    SSH_LOGIN_FAILURES,
    SSH_LOGIN_TIMEOUT_S,
    SSH_OPEN_TIMEOUT_S,
)
from ..base.tasks import TaskSet
from ..base.values import HostPort
from .addresses import peer_address
from .channel import ChannelTransport
from .faults import farewell_text, open_failure_code, session_fault
from .keys import load_private
from .offer import offers_only
from .options import common_options
from .packets import PacketPath
from .pulse import Pulse
from .wire import SshWire

__all__ = ["Opened", "Policy", "ServerSession", "SshEndpoint"]

_log = logging.getLogger("tw.ssh.endpoint")

Opened = asyncio.Protocol
"""The protocol of a channel. It is always connected, and told of the end, even if the peer has
gone in the meantime."""

_NOWHERE = HostPort("0.0.0.0", 1)
"""Stands for an origin that the peer left out or made up."""


class Policy(Protocol):
    """What a peer may do. All calls are made from the event loop."""

    def authenticate(self, user: str, public_key: str) -> bool:
        """Whether ``user`` may log in with this key (``ssh-ed25519 AAAA...``), as things stand."""

    async def open(self, session: ServerSession, target: HostPort, origin: HostPort) -> Opened:
        """Reach ``target`` for one channel; asked each time. The peer is told "open" only when
        this returns.

        Raises:
            Refused, Unreachable: told to the peer in one line.
        """

    def listen(self, session: ServerSession, bind: HostPort) -> bool:
        """Whether the peer may publish ``bind``; ``session.open_forwarded`` reaches it then."""

    def unlisten(self, session: ServerSession, bind: HostPort) -> None:
        """The peer gives ``bind`` up; not called for what is left when the session ends."""

    def session_opened(self, session: ServerSession) -> None:
        """The peer has logged in."""

    def session_closed(self, session: ServerSession, error: TwError | None) -> None:
        """A session that was opened is over, for the reason given to its ``close``, or because of
        a fault; None: ended by the peer in order."""


@offers_only(
    "_process_direct_tcpip_open",
    "_process_tcpip_forward_global_request",
    "_process_cancel_tcpip_forward_global_request",
    "_process_keepalive_at_openssh_dot_com_global_request",
)
class _Connection(PacketPath, SSHServerConnection):
    """asyncssh's server, with our packet path and channels."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, options: SSHServerConnectionOptions, session: ServerSession
    ) -> None:
        super().__init__(loop, options)
        self.session = session
        self.verified_key = ""
        self._login_failures = 0
        self._protocol_factory = partial(_Owner, session)

    async def reload_config(self) -> None:
        """There is no configuration file: nothing depends on who logs in."""

    async def validate_public_key(self, username: str, key_data: bytes, msg: bytes, signature: bytes) -> bool:
        """As asyncssh, and remembers the key whose signature was right."""
        good: bool = await super().validate_public_key(username, key_data, msg, signature)
        if good and msg:
            self.verified_key = _public_line(decode_ssh_public_key(key_data))
        return good

    def send_userauth_failure(self, partial_success: bool) -> None:
        """As asyncssh, but not for ever."""
        self._login_failures += 1
        if self._login_failures > SSH_LOGIN_FAILURES:
            raise asyncssh.PermissionDenied("Too many attempts to log in")
        super().send_userauth_failure(partial_success)

    def _process_direct_tcpip_open(self, packet: SSHPacket) -> Any:
        target = peer_address(packet.get_string(), packet.get_uint32())
        origin = peer_address(packet.get_string(), packet.get_uint32()) or _NOWHERE
        packet.check_end()
        if target is None:
            raise ChannelOpenError(OPEN_ADMINISTRATIVELY_PROHIBITED, "not a host and port")
        if self.session.channels >= MAX_CHANNELS_PER_SESSION:
            raise ChannelOpenError(OPEN_RESOURCE_SHORTAGE, "too many channels")
        channel = ChannelTransport(self, {"peername": (origin.host, origin.port)})
        return channel, partial(self.session._channel_asked, target, origin)

    def _process_tcpip_forward_global_request(self, packet: SSHPacket) -> None:
        raw, port = packet.get_string(), packet.get_uint32()
        packet.check_end()
        self._report_global_response(self.session._listen_asked(raw, port))

    def _process_cancel_tcpip_forward_global_request(self, packet: SSHPacket) -> None:
        bind = peer_address(packet.get_string(), packet.get_uint32())
        packet.check_end()
        self._report_global_response(bind is not None and self.session._unlisten_asked(bind))


def _public_line(key: SSHKey) -> str:
    return " ".join(key.export_public_key().decode().split()[:2])


class _Owner(asyncssh.SSHServer):
    """asyncssh's callbacks for one session."""

    def __init__(self, session: ServerSession) -> None:
        self._session = session

    def begin_auth(self, username: str) -> bool:
        return True

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: SSHKey) -> bool:
        return self._session._policy.authenticate(username, _public_line(key))

    def auth_completed(self) -> None:
        self._session._opened()

    def connection_lost(self, exc: Exception | None) -> None:
        self._session._lost(exc)


class ServerSession:
    """One peer's connection; told to the policy once it has logged in."""

    def __init__(
        self,
        policy: Policy,
        options: SSHServerConnectionOptions,
        extra: Mapping[str, Any],
        login_over: Callable[[ServerSession], None],
    ) -> None:
        loop = asyncio.get_running_loop()
        self.extra = extra
        """What the caller of ``accept`` knows about the stream."""
        self._policy = policy
        self._login_over = login_over
        self._connection = _Connection(loop, options, self)
        self._pulse = Pulse(self._connection, self._connection.connection_lost)
        self._tasks = TaskSet("ssh", _log)
        self._binds: dict[HostPort, bytes] = {}
        self._is_open = False
        self._ended_for: TwError | None = None

    @property
    def user(self) -> str:
        """The name that the peer logged in with."""
        name: str = self._connection.get_extra_info("username", "")
        return name

    @property
    def public_key(self) -> str:
        """The key that the peer logged in with: ``ssh-ed25519 AAAA...``."""
        return self._connection.verified_key

    @property
    def channels(self) -> int:
        """Channels open or being opened."""
        return len(self._connection._channels)

    @property
    def rtt_s(self) -> float | None:
        """Round trip end to end, seconds; None if not measured yet."""
        return self._pulse.rtt_s

    def close(self, reason: str, code: str = "session-lost") -> None:
        """End the session within a second.

        Args:
            reason: told to the peer.
            code: as well; ``session-replaced`` and ``user-not-active`` mean something to our client.
        """
        if not self._connection.over and self._ended_for is None:
            self._ended_for = Refused(code, reason)
            self._connection.reset_channels()
            self._connection.disconnect(DISC_BY_APPLICATION, farewell_text(code, reason))

    async def alive(self) -> bool:
        """Whether the peer answers now; takes at most ``SSH_PROBE_TIMEOUT_S``."""
        return self._is_open and await self._pulse.probe()

    async def open_forwarded(
        self, bind: HostPort, origin: HostPort, protocol_factory: Callable[[], asyncio.Protocol]
    ) -> tuple[ChannelTransport, asyncio.Protocol]:
        """Hand the peer a connection that came in at ``bind``, which it published.

        Raises:
            Unreachable: ``server-not-there`` if it is not published; ``timeout``,
                ``session-lost``, ``target-refused``.
            Refused: the peer does not take it.
        """
        raw = self._binds.get(bind)
        if raw is None or self._connection.over:
            raise Unreachable("server-not-there", f"nothing is published at {bind}")
        args = (String(raw), UInt32(bind.port), String(origin.host), UInt32(origin.port))
        try:
            channel = ChannelTransport(self._connection, {"peername": (origin.host, origin.port)})
            async with asyncio.timeout(SSH_OPEN_TIMEOUT_S):
                protocol = await channel.open(b"forwarded-tcpip", b"".join(args), protocol_factory)
        except ChannelOpenError:
            raise Unreachable("session-lost", "the session is over") from None
        except TimeoutError:
            raise Unreachable("timeout", f"no answer within {SSH_OPEN_TIMEOUT_S:g} s") from None
        return channel, protocol

    # -- from the connection --------------------------------------------------------------------

    def _opened(self) -> None:
        self._is_open = True
        self._login_over(self)
        self._pulse.start()
        self._policy.session_opened(self)

    def _lost(self, exc: Exception | None) -> None:
        self._pulse.stop()
        self._tasks.cancel()
        self._login_over(self)
        if self._is_open:
            self._is_open = False
            error = self._ended_for or (None if exc is None else session_fault(exc, None))
            self._policy.session_closed(self, error)

    def _channel_asked(self, target: HostPort, origin: HostPort, channel: ChannelTransport) -> None:
        self._tasks.spawn(self._open(target, origin, channel), f"open-{target}")

    async def _open(self, target: HostPort, origin: HostPort, channel: ChannelTransport) -> None:
        try:
            opened = await self._policy.open(self, target, origin)
        except TwError as exc:
            _log.info("%s: %s refused: %s", self.user, target, exc)
            channel.refuse(open_failure_code(exc), exc.why)
        except Exception:
            channel.refuse(OPEN_ADMINISTRATIVELY_PROHIBITED, "internal fault")
            raise
        else:
            channel.accept(opened)

    def _listen_asked(self, raw: bytes, port: int) -> bool:
        bind = peer_address(raw, port)
        if bind is None or not self._policy.listen(self, bind):
            return False
        self._binds[bind] = raw  # repeated to the peer as it wrote it (OpenSSH compares)
        return True

    def _unlisten_asked(self, bind: HostPort) -> bool:
        if self._binds.pop(bind, None) is None:
            return False
        self._policy.unlisten(self, bind)
        return True


class SshEndpoint:
    """Makes sessions for incoming streams.

    Args:
        host_key: private key, OpenSSH PEM.
        policy: asked about everything.
        max_logins: sessions that have not logged in yet; one more ends the oldest.

    Raises:
        Misuse: ``bad-key``.
    """

    def __init__(self, host_key: bytes, policy: Policy, max_logins: int = MAX_LOGINS) -> None:
        self._policy = policy
        self._max_logins = max_logins
        self._logins: dict[ServerSession, None] = {}  # the oldest first
        self._options = SSHServerConnectionOptions(
            **common_options(),
            server_factory=asyncssh.SSHServer,
            server_version="tw",
            server_host_keys=[load_private(host_key)],
            public_key_auth=True,
            authorized_client_keys=None,
            allow_pty=False,
            login_timeout=SSH_LOGIN_TIMEOUT_S,
        )

    def accept(self, extra: Mapping[str, Any]) -> asyncio.Protocol:
        """The protocol to connect to an incoming stream.

        Args:
            extra: kept as ``session.extra``.
        """
        if len(self._logins) >= self._max_logins:
            oldest = next(iter(self._logins))
            self._login_over(oldest)
            oldest.close("too many logins at once")
        session = ServerSession(self._policy, self._options, extra, self._login_over)
        self._logins[session] = None
        return SshWire(session._connection)

    def _login_over(self, session: ServerSession) -> None:
        """It has logged in, or never will."""
        self._logins.pop(session, None)
