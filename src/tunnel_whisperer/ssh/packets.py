"""The packet path of one SSH connection: what asyncssh does, but faster for data.

``PacketPath`` is mixed into asyncssh's client and server connections. Key exchange, login and
control packets stay with asyncssh. Once AES-GCM is on, data packets take a shorter way:

    asyncssh   8 copies of the payload in, 8 out, an MSG_IGNORE before each packet, input that is
               sliced for each packet (quadratic when many small packets arrive at once)
    here       2 copies in (decrypt, strip), 3 out (frame, encrypt, join), linear

Both ways share the sequence numbers, nonces and rekey counters, so that packets may alternate
between them. Other ciphers work, on asyncssh's way alone. The internals of asyncssh that this
relies on are those of 2.24; tests/ssh/test_packets.py holds them still.
"""

from __future__ import annotations

import asyncio
import os
import struct
import time
from collections.abc import Callable
from typing import Any, Protocol, cast

from asyncssh import DisconnectError, MACError, ProtocolError
from asyncssh.connection import SSHConnection
from asyncssh.constants import MSG_CHANNEL_DATA, MSG_KEX_LAST

from ..base.limits import SSH_MAX_DEFERRED
from .gcm import TAG_BYTES, Gcm
from .windows import WindowBudget
from .wire import Hold, SshWire, WriteGate

__all__ = ["DataChannel", "PacketPath"]

_HEADER_BYTES = 4
_BLOCK = 16
_PADDING_STOCK_BYTES = 512
_SLOW_PIECE_BYTES = 32 * 1024
"""Input for asyncssh's own parser, whose cost per packet grows with what waits behind it."""

_DATA_HEAD = struct.Struct(">BBII")
"""Padding length, MSG_CHANNEL_DATA, recipient channel, data length (RFC 4254 section 5.2)."""
_SEQUENCE_MASK = 0xFFFFFFFF

Buffer = bytes | bytearray | memoryview


class DataChannel(Protocol):
    """A channel as the packet path sees it."""

    def data_arrived(self, data: bytes) -> None: ...


class PacketPath(SSHConnection):
    """Mixed in before ``SSHClientConnection`` or ``SSHServerConnection``."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.gate = WriteGate()
        self.windows = WindowBudget()
        self.last_heard = self._loop.time()
        """Loop time at which bytes last arrived."""
        self._sealer: Gcm | None = None
        self._received = bytearray()
        self._padding = b""
        self._padding_used = 0

    @property
    def over(self) -> bool:
        """Whether nothing more is sent or received; those concerned may learn of it a turn later."""
        return self._transport is None

    def reset_channels(self) -> None:
        """Reset every open channel. asyncssh would end them in order when the session is closed,
        and the applications would take what they have for all there was."""
        for channel in list(self._channels.values()):
            channel.abort()

    # -- keys -----------------------------------------------------------------------------------

    def _send_kexinit(self) -> None:
        self.gate.hold(Hold.KEYS)  # data would be queued by asyncssh without bound until the end
        super()._send_kexinit()

    def send_newkeys(self, k: bytes, h: bytes) -> None:
        """Called by the key exchange: take the new ciphers over, then let data flow again."""
        self._sealer = None  # what asyncssh deferred is sent in there, with the new keys
        super().send_newkeys(k, h)
        self._sealer = Gcm.taken_from(self._send_encryption)
        if self._sealer is not None:
            self._send_encryption = self._sealer
        if (opener := Gcm.taken_from(self._next_recv_encryption)) is not None:
            self._next_recv_encryption = opener
        self.gate.release(Hold.KEYS)

    # -- sending --------------------------------------------------------------------------------

    def send_packet(self, pkttype: int, *args: bytes, handler: Any = None) -> None:
        """Any packet; those after the key exchange take the short way."""
        if pkttype <= MSG_KEX_LAST or not self._may_seal():
            super().send_packet(pkttype, *args, handler=handler)
            if len(self._deferred_packets) > SSH_MAX_DEFERRED:
                self._deferred_packets.clear()
                self._force_close(ProtocolError("new keys are begun and not ended"))
        else:
            self._seal(bytes((pkttype,)), b"".join(args))

    def send_channel_data(self, number: int, data: Buffer) -> None:
        """``data`` as one packet to the peer's channel ``number``; the caller minds the window."""
        size = len(data)
        if self._may_seal():
            self._seal(struct.pack(">BII", MSG_CHANNEL_DATA, number, size), data)
        else:
            super().send_packet(MSG_CHANNEL_DATA, struct.pack(">II", number, size), bytes(data))

    def _may_seal(self) -> bool:
        return (
            self._sealer is not None
            and self._kex_complete
            and self._auth_complete
            and self._rekey_bytes_sent < self._rekey_bytes
            and not (self._rekey_seconds and time.monotonic() >= self._rekey_time)
        )

    def _seal(self, head: bytes, data: Buffer) -> None:
        if self._transport is None:
            return
        assert self._sealer is not None
        size = 1 + len(head) + len(data)
        padding = -size % _BLOCK
        if padding < 4:  # RFC 4253 section 6: at least four bytes
            padding += _BLOCK
        header = (size + padding).to_bytes(4, "big")
        packet = b"".join((bytes((padding,)), head, data, self._random_padding(padding)))
        cast(SshWire, self._transport).writelines((header, self._sealer.seal(header, packet)))
        self._send_seq = (self._send_seq + 1) & _SEQUENCE_MASK
        self._rekey_bytes_sent += size + padding

    def _random_padding(self, count: int) -> bytes:
        """Drawn in advance: the kernel's generator costs as much for 16 bytes as for a hundred."""
        end = self._padding_used + count
        if end > len(self._padding):
            self._padding, end = os.urandom(_PADDING_STOCK_BYTES), count
        self._padding_used = end
        return self._padding[end - count : end]

    # -- receiving ------------------------------------------------------------------------------

    def data_received(self, data: bytes, datatype: Any = None) -> None:
        """Bytes of the stream, in pieces of any size."""
        self.last_heard = self._loop.time()
        rest: bytes | memoryview = data
        if self._received:
            # Complete the packet that is begun, so that what follows need not be copied.
            missing = self._missing_bytes()
            self._received += rest[:missing]
            rest = memoryview(data)[missing:]
            self._drain()
        if rest and not self._received and self._can_open():
            rest = memoryview(rest)[self._guarded(self._open_packets, rest) :]
        if rest and self._transport is not None:
            self._received += rest
            self._drain()

    def _missing_bytes(self) -> int:
        """How many bytes complete the packet at the start of what was received, or its header."""
        have = len(self._received)
        if have < _HEADER_BYTES:
            return _HEADER_BYTES - have
        length = int.from_bytes(self._received[:_HEADER_BYTES], "big")
        return max(_HEADER_BYTES + min(length, self._max_recv_pktlen + 1) + TAG_BYTES - have, 0)

    def _can_open(self) -> bool:
        """At a packet boundary, with AES-GCM, and no packet under asynchronous treatment."""
        return (
            isinstance(self._recv_encryption, Gcm)
            and not self._inpbuf
            and self._recv_handler == self._recv_pkthdr
        )

    def _drain(self) -> None:
        while self._received and self._transport is not None:
            if self._can_open():
                used = self._guarded(self._open_packets, self._received)
                del self._received[:used]
                if not used or self._can_open():  # the rest is not a whole packet yet
                    return
            elif self._recv_handler in (self._recv_version, self._recv_pkthdr, self._recv_packet):
                self._inpbuf += bytes(self._received[:_SLOW_PIECE_BYTES])
                del self._received[:_SLOW_PIECE_BYTES]
                self._recv_data()
            else:
                return  # _finish_recv_packet will call us

    def _finish_recv_packet(
        self, pkttype: int, seq: int, _task: asyncio.Task[Any] | None = None, is_async: bool = False
    ) -> None:
        super()._finish_recv_packet(pkttype, seq, _task, is_async)
        if is_async:
            self._drain()

    def _guarded(self, parse: Callable[[Buffer], int], data: Buffer) -> int:
        try:
            return parse(data)
        except DisconnectError as exc:
            self._send_disconnect(exc.code, exc.reason, exc.lang)
            self._force_close(exc)
        except Exception:  # noqa: BLE001 - as asyncssh: whatever it is ends this session alone
            self.internal_error()
        return len(data)

    def _open_packets(self, data: Buffer) -> int:
        """Open and dispatch the whole packets in ``data``. Returns how many bytes they took."""
        at, end = 0, len(data)
        with memoryview(data) as view:
            while end - at >= _HEADER_BYTES + TAG_BYTES and self._transport is not None:
                length = int.from_bytes(view[at : at + _HEADER_BYTES], "big")
                if length > self._max_recv_pktlen:
                    raise ProtocolError("Max packet size exceeded")
                stop = at + _HEADER_BYTES + length + TAG_BYTES
                if stop > end:
                    break
                opener = cast(Gcm, self._recv_encryption)
                with view[at : at + _HEADER_BYTES] as header, view[at + _HEADER_BYTES : stop] as sealed:
                    packet = opener.open(header, sealed)
                if packet is None:
                    raise MACError("MAC verification failed")
                if not self._dispatch_data(packet):
                    opener.opened = packet
                    self._inpbuf = bytes(view[at:stop])
                    self._recv_data()
                    if not self._can_open():
                        return stop
                at = stop
        return at

    def _dispatch_data(self, packet: bytes) -> bool:
        """Hand a well-formed data packet to its channel; False: let asyncssh have it."""
        if len(packet) < _DATA_HEAD.size + 4:
            return False
        padding, kind, number, size = _DATA_HEAD.unpack_from(packet)
        if kind != MSG_CHANNEL_DATA or not self._auth_complete:
            return False
        start = _DATA_HEAD.size
        channel = cast("DataChannel | None", self._channels.get(number))
        if channel is None or start + size != len(packet) - padding:
            return False
        self._auth_final = True
        self._recv_seq = (self._recv_seq + 1) & _SEQUENCE_MASK
        channel.data_arrived(packet[start : start + size])
        return True
