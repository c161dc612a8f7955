"""One SSH channel as an asyncio transport (RFC 4254 section 5), for either side.

    opening --confirmed--> open --EOF sent/received--> half closed --both, or CLOSE--> over
       `-----refused-----------------------------------------------------------------> over

An end and a reset are told apart: a direction ends with EOF; a channel that is CLOSEd before the
peer's EOF arrived was reset. When both directions have ended, CLOSE follows by itself. A reset
after our EOF, or one that has a reason, is announced by the channel request
``reset@tunnel-whisperer``, which others ignore.

Received bytes are given back to the sender's window when they were handed on, in steps of a
quarter window and at most 1 MiB: with half a 16 MiB window (the custom elsewhere) a sender at
100 ms and 1 Gbit/s would stand still for part of each round. The window starts small and doubles
with use, within what all channels of the session have together (windows.py).

A close that throws bytes of the peer away is announced as a reset too: they were not delivered,
and the peer must not take its connection for completed.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from typing import Any

from asyncssh import ProtocolError
from asyncssh.constants import (
    MSG_CHANNEL_CLOSE,
    MSG_CHANNEL_DATA,
    MSG_CHANNEL_EOF,
    MSG_CHANNEL_FAILURE,
    MSG_CHANNEL_OPEN,
    MSG_CHANNEL_REQUEST,
    MSG_CHANNEL_WINDOW_ADJUST,
)
from asyncssh.packet import Boolean, SSHPacket, String, UInt32

from ..base.errors import TwError, Unreachable
from ..base.limits import SSH_PACKET_BYTES
from ..base.pieces import append_piece
from ..net.stream import StreamTransport
from .faults import open_failure, peer_words
from .packets import PacketPath

__all__ = ["ChannelTransport"]

_log = logging.getLogger("tw.ssh.channel")

_RESET_REQUEST = b"reset@tunnel-whisperer"
_MAX_ADJUST_STEP = 1024 * 1024
_MAX_WINDOW = 0xFFFFFFFF


class ChannelTransport(StreamTransport):
    """A byte stream inside an SSH session.

    Args:
        connection: carries the packets; the channel takes a number of it at once.
        extra: for ``get_extra_info``.
    """

    def __init__(self, connection: PacketPath, extra: dict[str, Any] | None = None) -> None:
        super().__init__(extra)
        self._connection = connection
        self._loop = asyncio.get_running_loop()
        self._number: int = connection.add_channel(self)  # type: ignore[arg-type]
        connection._update_recv_pktlen(SSH_PACKET_BYTES)
        self._peer_number = 0
        self._opening: asyncio.Future[asyncio.Protocol] | None = None
        self._factory: Callable[[], asyncio.Protocol] | None = None
        self._is_open = False

        self._send_window = 0
        self._send_packet_bytes = 0
        self._pending: deque[bytes | memoryview] = deque()
        self._pending_bytes = 0
        self._waits_for_turn = False
        self._eof_wanted = False
        self._eof_sent = False
        self._close_sent = False

        self._window = connection.windows.start()
        self._window_left = self._window  # what the peer may still send
        self._handed_on = 0  # since the last adjustment
        self._incoming: deque[bytes] = deque()
        self._reading_paused = False
        self._delivering = False
        self._eof_received = False
        self._eof_delivered = False
        self._reset_announced = False
        self._reset_reason = ""
        self._thrown_away = False  # bytes of the peer, after our close
        self._loss: TwError | None = None  # what the end is told as, when all is delivered
        self._close_received = False

        self._closing = False
        self._lost_called = False

    # -- opening, our side asks -----------------------------------------------------------------

    async def open(
        self, kind: bytes, args: bytes, protocol_factory: Callable[[], asyncio.Protocol]
    ) -> asyncio.Protocol:
        """Ask for the channel; the protocol is made and connected when the peer agrees.

        Raises:
            TwError: refused, or the session ended.
        """
        self._factory = protocol_factory
        self._opening = self._loop.create_future()
        self._connection.send_packet(
            MSG_CHANNEL_OPEN,
            String(kind),
            UInt32(self._number),
            UInt32(self._window_left),
            UInt32(SSH_PACKET_BYTES),
            args,
        )
        try:
            return await self._opening
        except asyncio.CancelledError:
            if self._is_open:  # agreed to in this very turn, but nobody waits any more
                self.abort()
            raise

    def process_open_confirmation(
        self, send_chan: int, send_window: int, send_pktsize: int, packet: SSHPacket
    ) -> None:
        """Called by asyncssh: the peer agrees."""
        opening, self._opening = self._opening, None
        if opening is None:
            raise ProtocolError("Channel not being opened")
        self._take_peer(send_chan, send_window, send_pktsize)
        self._is_open = True
        if opening.cancelled():  # nobody waits any more
            self._closing = self._lost_called = True
            self._return_window()
            self._send_close()
            return
        assert self._factory is not None
        try:
            protocol = self._factory()
        except Exception as exc:  # noqa: BLE001 - told to who asked; the session is not to blame
            opening.set_exception(exc)
            self.abort()
        else:
            self._connect(protocol)
            opening.set_result(protocol)

    def process_open_failure(self, code: int, reason: str, lang: str) -> None:
        """Called by asyncssh: the peer refuses."""
        opening, self._opening = self._opening, None
        if opening is None:
            raise ProtocolError("Channel not being opened")
        self._retire()
        if not opening.done():
            opening.set_exception(open_failure(code, reason))

    # -- opening, the peer asks -----------------------------------------------------------------

    def process_open(
        self,
        send_chan: int,
        send_window: int,
        send_pktsize: int,
        decide: Callable[[ChannelTransport], None],
    ) -> None:
        """Called by asyncssh: the peer asks. ``decide`` sees to it that ``accept`` or ``refuse``
        is called, now or later."""
        self._take_peer(send_chan, send_window, send_pktsize)
        decide(self)

    def accept(self, protocol: asyncio.Protocol) -> None:
        """Agree to the channel and connect ``protocol``, which is told of the end soon after if
        the session is over already."""
        assert not self._is_open
        if self._close_received:
            self._connect(protocol)
            self._lose(Unreachable("session-lost", "the session ended"))
            return
        self._connection.send_channel_open_confirmation(
            self._peer_number, self._number, self._window_left, SSH_PACKET_BYTES
        )
        self._is_open = True
        self._connect(protocol)

    def refuse(self, code: int, reason: str) -> None:
        """Refuse the channel with a reason code of RFC 4254 section 5.1."""
        if self._close_received or self._is_open:
            return
        self._connection.send_channel_open_failure(self._peer_number, code, reason, "en")
        self._retire()

    def _take_peer(self, number: int, window: int, packet_bytes: int) -> None:
        self._peer_number = number
        self._send_window = window
        self._send_packet_bytes = min(packet_bytes, SSH_PACKET_BYTES)

    def _connect(self, protocol: asyncio.Protocol) -> None:
        self._stream_protocol = protocol
        self._protocol_call("connection_made", self)

    # -- packets of the peer ----------------------------------------------------------------------

    def log_received_packet(self, *_: Any) -> None:
        """Called by asyncssh for each packet; payload is never logged."""

    log_sent_packet = log_received_packet

    def process_packet(self, kind: int, seq: int, packet: SSHPacket) -> bool:
        """Called by asyncssh: any packet but data. False: not a kind that we know."""
        if not self._is_open or self._close_received:
            raise ProtocolError("Channel not open")
        if kind == MSG_CHANNEL_WINDOW_ADJUST:
            self._window_adjusted(packet.get_uint32())
        elif kind == MSG_CHANNEL_DATA:  # of a cipher that the packet path does not know
            self.data_arrived(packet.get_string())
        elif kind == MSG_CHANNEL_EOF:
            if self._eof_received:
                raise ProtocolError("EOF twice")
            self._eof_received = True
            self._deliver()
        elif kind == MSG_CHANNEL_CLOSE:
            self._closed_by_peer()
        elif kind == MSG_CHANNEL_REQUEST:
            self._requested(packet)
        else:
            return False
        return True

    def _requested(self, packet: SSHPacket) -> None:
        name, want_reply = packet.get_string(), packet.get_boolean()
        if name == _RESET_REQUEST:
            self._reset_announced = True
            if packet:
                self._reset_reason = peer_words(packet.get_string().decode("utf-8", "replace"))
        if want_reply and not self._close_sent:
            self._send(MSG_CHANNEL_FAILURE)

    def _window_adjusted(self, count: int) -> None:
        self._send_window = min(self._send_window + count, _MAX_WINDOW)
        self._pump()
        self._buffer_shrank()

    def data_arrived(self, data: bytes) -> None:
        """Called by the packet path: bytes of the peer, never empty in practice.

        Raises:
            ProtocolError: more than the window, or after the end.
        """
        size = len(data)
        if not self._is_open or self._eof_received or self._close_received:
            raise ProtocolError("Channel not open for sending")
        if size > self._window_left:
            raise ProtocolError("Window exceeded")
        self._window_left -= size
        if self._closing:
            self._thrown_away = True
            self._give_back(size)
        elif size:
            append_piece(self._incoming, data)
            self._deliver()

    # -- delivery -----------------------------------------------------------------------------------

    def _deliver(self) -> None:
        # Not re-entrant: a protocol that resumes reading inside data_received must not be called
        # with the next piece before it returned from this one.
        if self._delivering or self._lost_called:
            return
        self._delivering = True
        try:
            while self._incoming and not self._reading_paused and not self._closing:
                data = self._incoming.popleft()
                self._protocol_call("data_received", data)
                self._give_back(len(data))
        finally:
            self._delivering = False
        if not self._incoming and not self._reading_paused:
            self._deliver_end()

    def _deliver_end(self) -> None:
        if self._eof_received and not self._eof_delivered and not self._closing:
            self._eof_delivered = True
            if not self._protocol_call("eof_received"):
                self.close()
        if self._close_received:
            self._lose(self._loss)
        else:
            self._complete()

    def _protocol_call(self, name: str, *args: Any) -> Any:
        """Call the application; its fault ends this channel, not the session."""
        try:
            return getattr(self._stream_protocol, name)(*args)
        except Exception:  # noqa: BLE001 - logged in full
            _log.exception("%s of the channel's protocol failed", name)
            self.abort()
            return True

    def _give_back(self, count: int) -> None:
        """``count`` bytes were handed on: let the peer send as many, and more than before."""
        self._handed_on += count
        step = min(self._window // 4, _MAX_ADJUST_STEP)
        if self._handed_on < step or self._close_sent or self._eof_received or self._lost_called:
            return
        adjust = self._handed_on
        growth = self._connection.windows.growth(self._window)
        adjust += growth
        self._window += growth
        self._handed_on = 0
        self._window_left += adjust
        self._send(MSG_CHANNEL_WINDOW_ADJUST, UInt32(adjust))

    # -- sending ------------------------------------------------------------------------------------

    def _send(self, kind: int, *args: bytes) -> None:
        self._connection.send_packet(kind, UInt32(self._peer_number), *args)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send ``data`` as the windows allow."""
        if self._eof_wanted and not self._closing:
            raise RuntimeError("Cannot call write() after write_eof()")
        size = len(data)
        if not size or self._closing or self._lost_called:
            return
        if (
            size <= self._send_window
            and size <= self._send_packet_bytes
            and not self._pending
            and not self._connection.gate.paused
        ):
            self._send_window -= size
            self._connection.send_channel_data(self._peer_number, data)
            return
        append_piece(self._pending, data if isinstance(data, bytes) else bytes(data))
        self._pending_bytes += size
        self._pump()
        self._buffer_grew()

    def _pump(self) -> None:
        """Send while the window and the gate are open."""
        gate = self._connection.gate
        while self._pending and self._send_window:
            if gate.paused:
                if not self._waits_for_turn:
                    self._waits_for_turn = True
                    gate.wait(self._take_turn)
                return
            self._send_one()
        self._finish_sending()

    def _take_turn(self) -> bool:
        if self._pending and self._send_window:
            self._send_one()
            self._finish_sending()
            self._buffer_shrank()
        self._waits_for_turn = bool(self._pending) and self._send_window > 0
        return self._waits_for_turn

    def _send_one(self) -> None:
        head = self._pending[0]
        room = min(self._send_window, self._send_packet_bytes)
        if len(head) <= room:
            self._pending.popleft()
            piece: bytes | memoryview = head
        else:
            view = memoryview(head)
            piece = view[:room]
            self._pending[0] = view[room:]
        size = len(piece)
        self._pending_bytes -= size
        self._send_window -= size
        self._connection.send_channel_data(self._peer_number, piece)

    def _finish_sending(self) -> None:
        """The ends that were waiting for the last byte."""
        if self._pending or not self._eof_wanted or self._close_sent:
            return
        if not self._eof_sent:
            self._eof_sent = True
            self._send(MSG_CHANNEL_EOF)
        if self._closing:
            if self._thrown_away:
                self._announce_reset()
            self._send_close()
            self._lose(None)
        else:
            self._complete()

    def _announce_reset(self, why: str = "") -> None:
        reason = (String(why),) if why else ()
        self._send(MSG_CHANNEL_REQUEST, String(_RESET_REQUEST), Boolean(False), *reason)

    def _complete(self) -> None:
        """Both directions have ended: so has the channel."""
        if self._eof_sent and self._eof_delivered and not self._close_sent:
            self._send_close()
            self._lose(None)

    def _send_close(self) -> None:
        self._close_sent = True
        self._drop_pending()
        self._send(MSG_CHANNEL_CLOSE)
        if self._close_received:
            self._retire()

    def _drop_pending(self) -> None:
        self._pending.clear()
        self._pending_bytes = 0

    # -- ends ---------------------------------------------------------------------------------------

    def _closed_by_peer(self) -> None:
        self._close_received = True
        unsent = bool(self._pending)
        if not self._close_sent:
            self._send_close()
        else:
            self._retire()
        if not self._eof_received or self._reset_announced or unsent:
            why = f": {self._reset_reason}" if self._reset_reason else ""
            self._loss = Unreachable("stream-reset", f"the other end reset the connection{why}")
        if self._eof_received:  # what it sent is complete, whatever it did with what we sent
            self._deliver()
        else:
            self._lose(self._loss)

    def _retire(self) -> None:
        """Give the number back: neither side will use it again."""
        self._close_received = self._close_sent = True
        self._connection._channels.pop(self._number, None)
        if not self._is_open:
            self._return_window()

    def _return_window(self) -> None:
        self._connection.windows.end(self._window)
        self._window = 0

    def process_connection_close(self, exc: Exception | None) -> None:
        """Called by asyncssh: the session is over."""
        self._retire()
        self._drop_pending()
        reason = exc if isinstance(exc, TwError) else Unreachable("session-lost", "the session ended")
        opening, self._opening = self._opening, None
        if opening is not None and not opening.done():
            opening.set_exception(reason)
        if self._is_open:
            self._lose(reason)

    def _lose(self, exc: Exception | None) -> None:
        if not self._lost_called:
            self._lost_called = self._closing = True
            self._incoming.clear()
            self._return_window()
            self._loop.call_soon(self._call_lost, exc)

    def _call_lost(self, exc: Exception | None) -> None:
        protocol, self._stream_protocol = self._stream_protocol, None
        if protocol is not None:
            protocol.connection_lost(exc)

    # -- asyncio.Transport ----------------------------------------------------------------------------

    def write_eof(self) -> None:
        """End our direction after the last byte."""
        if not (self._eof_wanted or self._closing or self._lost_called):
            self._eof_wanted = True
            self._pump()

    def get_write_buffer_size(self) -> int:
        """Bytes that wait for a window or for the stream below."""
        return self._pending_bytes

    def get_read_buffer_size(self) -> int:
        """Bytes of the peer that wait; never more than the window."""
        return sum(map(len, self._incoming))

    def pause_reading(self) -> None:
        """Stop ``data_received`` now; the peer stops when its window is used up."""
        self._reading_paused = True

    def resume_reading(self) -> None:
        """Go on with what has arrived meanwhile."""
        if self._reading_paused:
            self._reading_paused = False
            # Later: a protocol may resume from inside its own write path, and is not prepared to
            # be called back before that returns.
            self._loop.call_soon(self._deliver)

    def is_reading(self) -> bool:
        """Whether received bytes are handed on."""
        return not (self._reading_paused or self._closing)

    def is_closing(self) -> bool:
        """Whether the channel is over, or ends when the last byte is sent."""
        return self._closing

    def close(self) -> None:
        """Send what waits, then end both directions."""
        if self._closing or not self._is_open:
            return
        self._closing = self._eof_wanted = True
        self._thrown_away = bool(self._incoming)
        self._incoming.clear()
        if self._close_received:
            self._lose(self._loss)
        else:
            self._pump()

    def abort(self) -> None:
        """Reset the channel: what waits is dropped, and the peer learns that it was."""
        self.abort_because("")

    def abort_because(self, why: str) -> None:
        """The same; the peer learns why."""
        if self._lost_called or not self._is_open:
            return
        if not self._close_sent:
            if self._eof_sent or why:
                self._announce_reset(why)
            self._send_close()
        self._lose(None)
