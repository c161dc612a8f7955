"""HTTP/2 frames: the codec (RFC 9113 sections 4 and 6). No state beyond one frame.

    3  length of the payload
    1  type
    1  flags
    4  stream id (top bit ignored)
    .. payload

DATA is passed on as it arrives and never waits for the end of its frame: frames of our own ends
are 256 KiB, and a read ends anywhere. All other frames are held until they are complete, up to
MAX_CONTROL_FRAME_BYTES.
"""

from __future__ import annotations

import struct
from enum import IntEnum
from typing import Protocol

from ..base.errors import PeerFault
from ..base.limits import MAX_CONTROL_FRAME_BYTES, MAX_SETTINGS_PER_FRAME

__all__ = [
    "PREFACE",
    "ErrorCode",
    "Flag",
    "Frame",
    "FrameReader",
    "FrameSink",
    "H2Fault",
    "Setting",
]

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
"""What a client sends first (RFC 9113 section 3.4)."""


class Frame(IntEnum):
    """Frame types (RFC 9113 section 6)."""

    DATA = 0
    HEADERS = 1
    PRIORITY = 2
    RST_STREAM = 3
    SETTINGS = 4
    PUSH_PROMISE = 5
    PING = 6
    GOAWAY = 7
    WINDOW_UPDATE = 8
    CONTINUATION = 9


class Flag:
    """Frame flags; the same bit means different things on different frames."""

    END_STREAM = 0x1
    ACK = 0x1
    END_HEADERS = 0x4
    PADDED = 0x8
    PRIORITY = 0x20


class ErrorCode(IntEnum):
    """Reasons in RST_STREAM and GOAWAY (RFC 9113 section 7)."""

    NO_ERROR = 0
    PROTOCOL_ERROR = 1
    INTERNAL_ERROR = 2
    FLOW_CONTROL_ERROR = 3
    SETTINGS_TIMEOUT = 4
    STREAM_CLOSED = 5
    FRAME_SIZE_ERROR = 6
    REFUSED_STREAM = 7
    CANCEL = 8
    COMPRESSION_ERROR = 9
    CONNECT_ERROR = 10
    ENHANCE_YOUR_CALM = 11
    INADEQUATE_SECURITY = 12
    HTTP_1_1_REQUIRED = 13

    @classmethod
    def name_of(cls, number: int) -> str:
        """For people: a name, or the number of an unknown code."""
        return cls(number).name if number <= cls.HTTP_1_1_REQUIRED else str(number)


class Setting(IntEnum):
    """Settings (RFC 9113 section 6.5.2)."""

    HEADER_TABLE_SIZE = 1
    ENABLE_PUSH = 2
    MAX_CONCURRENT_STREAMS = 3
    INITIAL_WINDOW_SIZE = 4
    MAX_FRAME_SIZE = 5
    MAX_HEADER_LIST_SIZE = 6


class H2Fault(PeerFault):
    """The peer broke HTTP/2; ``error_code`` is what it is told in GOAWAY."""

    def __init__(self, error_code: ErrorCode, why: str) -> None:
        super().__init__("bad-http", f"the peer broke HTTP/2: {why}")
        self.error_code = error_code


_HEAD = struct.Struct(">HBBBL")
_U32 = struct.Struct(">L")
_SETTING = struct.Struct(">HL")
_HEAD_BYTES = 9
_NO_TOP_BIT = 0x7FFFFFFF

# Plain numbers: member access on an IntEnum costs a lookup per frame.
_DATA, _LAST_KNOWN = int(Frame.DATA), int(Frame.CONTINUATION)
_PADDED, _END_STREAM = Flag.PADDED, Flag.END_STREAM


# -- writing ---------------------------------------------------------------------------------------


def data_head(length: int, end_stream: bool, stream_id: int) -> bytes:
    """The first nine bytes of a DATA frame."""
    return _HEAD.pack(length >> 8, length & 0xFF, _DATA, end_stream, stream_id)


def frame(kind: int, flags: int, stream_id: int, payload: bytes = b"") -> bytes:
    """A whole frame."""
    length = len(payload)
    return _HEAD.pack(length >> 8, length & 0xFF, kind, flags, stream_id) + payload


def window_update(stream_id: int, increment: int) -> bytes:
    """WINDOW_UPDATE; stream 0 is the connection."""
    return frame(Frame.WINDOW_UPDATE, 0, stream_id, _U32.pack(increment))


def rst_stream(stream_id: int, code: int) -> bytes:
    """RST_STREAM."""
    return frame(Frame.RST_STREAM, 0, stream_id, _U32.pack(code))


def goaway(last_stream_id: int, code: int) -> bytes:
    """GOAWAY without debug data: a stranger learns nothing."""
    return frame(Frame.GOAWAY, 0, 0, _U32.pack(last_stream_id) + _U32.pack(code))


def settings(values: dict[Setting, int]) -> bytes:
    """SETTINGS."""
    return frame(Frame.SETTINGS, 0, 0, b"".join(_SETTING.pack(k, v) for k, v in values.items()))


def header_block(stream_id: int, block: bytes, end_stream: bool, max_frame_bytes: int) -> bytes:
    """HEADERS, and CONTINUATION as needed."""
    first, rest = block[:max_frame_bytes], block[max_frame_bytes:]
    flags = (Flag.END_STREAM if end_stream else 0) | (0 if rest else Flag.END_HEADERS)
    frames = [frame(Frame.HEADERS, flags, stream_id, first)]
    while rest:
        first, rest = rest[:max_frame_bytes], rest[max_frame_bytes:]
        frames.append(frame(Frame.CONTINUATION, 0 if rest else Flag.END_HEADERS, stream_id, first))
    return b"".join(frames)


# -- reading ---------------------------------------------------------------------------------------


def unpad(flags: int, payload: bytes) -> bytes:
    """The payload of a HEADERS frame without its padding.

    Raises:
        H2Fault: more padding than payload.
    """
    if not flags & _PADDED:
        return payload
    if not payload or payload[0] >= len(payload):
        raise H2Fault(ErrorCode.PROTOCOL_ERROR, "more padding than payload")
    return payload[1 : len(payload) - payload[0]]


def parse_u32(payload: bytes, what: str) -> int:
    """The four bytes of RST_STREAM and WINDOW_UPDATE; the reserved top bit stays.

    Raises:
        H2Fault: another length.
    """
    if len(payload) != 4:
        raise H2Fault(ErrorCode.FRAME_SIZE_ERROR, f"{what} of {len(payload)} bytes")
    return int.from_bytes(payload, "big")


def parse_settings(payload: bytes) -> list[tuple[int, int]]:
    """(setting, value) in order; unknown settings included.

    Raises:
        H2Fault: not a whole number of settings, too many, or a value out of its range.
    """
    if len(payload) % 6:
        raise H2Fault(ErrorCode.FRAME_SIZE_ERROR, f"SETTINGS of {len(payload)} bytes")
    if len(payload) > 6 * MAX_SETTINGS_PER_FRAME:
        raise H2Fault(ErrorCode.ENHANCE_YOUR_CALM, f"{len(payload) // 6} settings at once")
    values = list(_SETTING.iter_unpack(payload))
    for number, value in values:
        if number == Setting.INITIAL_WINDOW_SIZE and value > _NO_TOP_BIT:
            raise H2Fault(ErrorCode.FLOW_CONTROL_ERROR, f"initial window of {value}")
        if number == Setting.MAX_FRAME_SIZE and not 0x4000 <= value <= 0xFFFFFF:
            raise H2Fault(ErrorCode.PROTOCOL_ERROR, f"maximum frame size of {value}")
        if number == Setting.ENABLE_PUSH and value > 1:
            raise H2Fault(ErrorCode.PROTOCOL_ERROR, f"ENABLE_PUSH of {value}")
    return values


class FrameSink(Protocol):
    """What a FrameReader feeds. Any method may raise H2Fault or stop the reader."""

    def data_begins(self, stream_id: int, length: int, end_stream: bool) -> None:
        """A DATA frame; ``length`` bytes count against the windows, padding included."""

    def data_piece(self, data: bytes) -> None:
        """The next part of its payload; never empty."""

    def data_padding(self, count: int) -> None:
        """``count`` bytes of its length are padding; at most once, before the first piece."""

    def data_ends(self) -> None:
        """That was all of it."""

    def frame_received(self, kind: int, flags: int, stream_id: int, payload: bytes) -> None:
        """Any other frame. The payload of one of unknown type is left out."""


class FrameReader:
    """Cuts a byte stream into frames.

    Args:
        sink: told of everything, in order.
        max_frame_bytes: longest payload allowed (our SETTINGS_MAX_FRAME_SIZE).
    """

    def __init__(self, sink: FrameSink, max_frame_bytes: int) -> None:
        self._sink = sink
        self._max_frame_bytes = max_frame_bytes
        self._held = bytearray()  # the start of a frame that must be complete
        self._needed = 0
        self._left = 0  # bytes to come of a DATA payload that is passed on
        self._skip = 0  # bytes to come, behind those, that nobody needs
        self.stopped = False
        """Set by the sink: everything from here on is ignored."""

    def receive_data(self, data: bytes) -> None:
        """Take the next bytes of the connection, in any pieces.

        Raises:
            H2Fault: a frame too long, or what the sink raised.
        """
        if self._held:
            self._held += data
            if len(self._held) < self._needed:
                return
            data = bytes(self._held)
            self._held.clear()
        at, end = 0, len(data)
        while at < end and not self.stopped:
            if self._left:
                count = min(self._left, end - at)
                self._left -= count
                self._sink.data_piece(data if count == end else data[at : at + count])
                if not self._left:
                    self._sink.data_ends()
                at += count
            elif self._skip:
                count = min(self._skip, end - at)
                self._skip -= count
                at += count
            elif end - at < _HEAD_BYTES:
                self._hold(data, at, _HEAD_BYTES)
                return
            else:
                high, low, kind, flags, stream_id = _HEAD.unpack_from(data, at)
                length = high << 8 | low
                stream_id &= _NO_TOP_BIT
                if length > self._max_frame_bytes:
                    raise H2Fault(ErrorCode.FRAME_SIZE_ERROR, f"frame of {length} bytes")
                if kind == _DATA and not flags & _PADDED:  # nearly all of what comes: without a detour
                    at += _HEAD_BYTES
                    self._left = length
                    self._sink.data_begins(stream_id, length, bool(flags & _END_STREAM))
                    if not length:
                        self._sink.data_ends()
                    continue
                used = self._other_frame(data, at, end - at, length, kind, flags, stream_id)
                if not used:
                    return
                at += used

    def _other_frame(
        self, data: bytes, at: int, available: int, length: int, kind: int, flags: int, stream_id: int
    ) -> int:
        """Any but plain DATA. Returns the bytes used up; 0: held until more comes."""
        if kind == _DATA:
            if available <= _HEAD_BYTES and length:
                return self._hold(data, at, _HEAD_BYTES + 1)
            if not length or data[at + _HEAD_BYTES] >= length:
                raise H2Fault(ErrorCode.PROTOCOL_ERROR, "more padding than payload")
            self._begin_padded(stream_id, length, 1 + data[at + _HEAD_BYTES], flags)
            return _HEAD_BYTES + 1
        if kind > _LAST_KNOWN:
            self._skip = length
            self._sink.frame_received(kind, flags, stream_id, b"")
            return _HEAD_BYTES
        if length > MAX_CONTROL_FRAME_BYTES:
            raise H2Fault(ErrorCode.ENHANCE_YOUR_CALM, f"{Frame(kind).name} of {length} bytes")
        if available < _HEAD_BYTES + length:
            return self._hold(data, at, _HEAD_BYTES + length)
        payload = data[at + _HEAD_BYTES : at + _HEAD_BYTES + length]
        self._sink.frame_received(kind, flags, stream_id, payload)
        return _HEAD_BYTES + length

    def _begin_padded(self, stream_id: int, length: int, padding: int, flags: int) -> None:
        """``padding`` counts the byte that tells its length, which has been read."""
        self._left = length - padding
        self._skip = padding - 1
        self._sink.data_begins(stream_id, length, bool(flags & _END_STREAM))
        self._sink.data_padding(padding)
        if not self._left:
            self._sink.data_ends()

    def _hold(self, data: bytes, at: int, needed: int) -> int:
        self._held += data[at:]
        self._needed = needed
        return 0
