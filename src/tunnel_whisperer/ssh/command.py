"""One command at a far side that runs commands: a real OpenSSH (RFC 4254 section 6).

    channel "session", request "exec"   -->
    what the command reads, then EOF    -->
                                        <--  what it prints, its exit status, EOF, CLOSE

Ours never run any; this is for a relay made of other people's programs, and for those who look after
one. What the command prints on standard error is thrown away: let it join the two.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from asyncssh import ProtocolError
from asyncssh.constants import MSG_CHANNEL_EXTENDED_DATA, MSG_CHANNEL_REQUEST
from asyncssh.packet import Boolean, SSHPacket, String

from ..base.errors import PeerFault, Refused, TwError, Unreachable
from ..base.limits import MAX_COMMAND_OUTPUT_BYTES, SSH_OPEN_TIMEOUT_S
from .channel import ChannelTransport
from .session import ClientSession

__all__ = ["Ran", "run_command"]


@dataclass(frozen=True, slots=True)
class Ran:
    """How a command ended."""

    status: int
    output: bytes


class _CommandChannel(ChannelTransport):
    """A channel that remembers how the command on it ended."""

    status: int | None = None
    died_of = ""
    """The signal, where one ended it."""

    def run(self, command: str) -> None:
        # Without an answer: one that is refused ends without a status.
        self._send(MSG_CHANNEL_REQUEST, String(b"exec"), Boolean(False), String(command))

    def process_packet(self, kind: int, seq: int, packet: SSHPacket) -> bool:
        if kind == MSG_CHANNEL_EXTENDED_DATA:
            packet.get_uint32()
            size = len(packet.get_string())
            if size > self._window_left:
                raise ProtocolError("Window exceeded")
            self._window_left -= size
            self._give_back(size)
            return True
        return super().process_packet(kind, seq, packet)

    def _requested(self, packet: SSHPacket) -> None:
        copy = SSHPacket(packet.get_remaining_payload())
        name, _ = copy.get_string(), copy.get_boolean()
        if name == b"exit-status":
            self.status = copy.get_uint32()
        elif name == b"exit-signal":
            self.died_of = copy.get_string().decode("ascii", "replace")[:20]
        super()._requested(packet)
        self._complete()

    def _complete(self) -> None:
        # The status may come behind both ends (OpenSSH sends it when the process is gone).
        if self.status is not None or self.died_of:
            super()._complete()


class _Reader(asyncio.Protocol):
    """Gathers what the command prints, and tells each line."""

    def __init__(self, on_line: Callable[[str], None] | None, limit: int) -> None:
        self.output = bytearray()
        self.over: asyncio.Future[Exception | None] = asyncio.get_running_loop().create_future()
        self.too_much = False
        self._on_line = on_line
        self._told = 0
        self._limit = limit
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self.output += data
        if len(self.output) > self._limit:
            self.too_much = True
            assert self._transport is not None
            self._transport.abort()
        self._tell(end=False)

    def eof_received(self) -> bool:
        self._tell(end=True)
        return True  # the status follows

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.over.done():
            self.over.set_result(exc)

    def _tell(self, *, end: bool) -> None:
        if self._on_line is None:
            return
        while (at := self.output.find(b"\n", self._told)) >= 0:
            self._on_line(self.output[self._told : at].decode("utf-8", "replace"))
            self._told = at + 1
        if end and self._told < len(self.output):
            self._on_line(self.output[self._told :].decode("utf-8", "replace"))
            self._told = len(self.output)


async def run_command(
    session: ClientSession,
    command: str,
    given: bytes = b"",
    *,
    on_line: Callable[[str], None] | None = None,
    timeout_s: float,
    limit: int = MAX_COMMAND_OUTPUT_BYTES,
) -> Ran:
    """Run it to its end.

    Args:
        given: what it reads.
        on_line: told each line that it prints, without its end.
        limit: of what it prints.

    Raises:
        Refused: ``not-authorised``: it was not run.
        Unreachable: ``timeout``; ``session-lost``: how it ended is not known.
        PeerFault: ``bad-answer``: it prints more than the limit.
    """
    channel = _CommandChannel(session._connection)
    reader = _Reader(on_line, limit)
    try:
        async with asyncio.timeout(SSH_OPEN_TIMEOUT_S):
            await channel.open(b"session", b"", lambda: reader)
        channel.run(command)
        channel.write(given)
        channel.write_eof()
        async with asyncio.timeout(timeout_s):
            await asyncio.shield(reader.over)
    except TimeoutError:
        channel.abort()
        raise Unreachable("timeout", "the command does not end", where=session.name) from None
    except TwError as exc:
        if exc.code == "target-refused":  # OpenSSH's word for any channel that it does not want
            raise _not_run(session.name) from exc
        exc.where = exc.where or session.name
        raise
    return _ended(channel, reader, session.name)


def _ended(channel: _CommandChannel, reader: _Reader, name: str) -> Ran:
    if reader.too_much:
        raise PeerFault("bad-answer", "the command prints too much", where=name)
    if channel.died_of:
        raise Unreachable("session-lost", f"the command was ended by SIG{channel.died_of}", where=name)
    if channel.status is None:
        if reader.over.result() is None and not reader.output:
            raise _not_run(name)
        raise Unreachable("session-lost", "the session ended while the command ran", where=name)
    return Ran(channel.status, bytes(reader.output))


def _not_run(name: str) -> Refused:
    return Refused("not-authorised", "this key may not run that command", where=name)
