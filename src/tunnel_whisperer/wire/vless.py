"""VLESS headers: who asks for which destination, and the answer.

Request, client to relay (encryption ``none``), followed at once by payload::

    1  version       00
    16 user id       UUID
    1  addons length
    n  addons        protobuf {1: string flow, 2: bytes seed}; we send none
    1  command       01 TCP, 02 UDP, 03 mux, 04 reverse
    -- only for 01 and 02 --
    2  port          big endian
    1  address type  01 IPv4 (4 bytes) | 02 name (length byte, text) | 03 IPv6 (16 bytes)

Response, relay to client: version ``00``, addons length, addons; then payload.

Only TCP without a flow is carried. The rest is parsed, so that it can be refused by name, but a
stranger is never told the name: whoever reads a header ends the stream without a word.

Source: XTLS/Xray-core 26.10.10, proxy/vless/encoding/{encoding,addons}.go; captured vectors.
"""

from __future__ import annotations

import ipaddress
import re
import uuid
from dataclasses import dataclass
from enum import IntEnum

from ..base.errors import Misuse, PeerFault, Refused
from ..base.limits import MAX_VLESS_ADDONS_BYTES
from ..base.values import HostPort

__all__ = ["RESPONSE_HEADER", "Command", "RequestHeader", "RequestReader", "ResponseReader"]

_VERSION = 0
_COMMAND_AT = 1 + 16 + 1  # without addons
_IPV4, _NAME, _IPV6 = 1, 2, 3
_NAME_CHARS = re.compile(rb"[0-9A-Za-z._-]{1,255}\Z")  # Xray common/protocol/address.go

RESPONSE_HEADER = b"\x00\x00"
"""Version 0, no addons."""


class Command(IntEnum):
    """What the stream carries."""

    TCP = 1
    UDP = 2
    MUX = 3
    REVERSE = 4


_WITH_ADDRESS = (Command.TCP, Command.UDP)


@dataclass(frozen=True, slots=True)
class RequestHeader:
    """The first bytes of a stream."""

    uuid: uuid.UUID
    """Who asks. Compared in full; Xray ignores bytes 6 and 7."""
    command: Command
    target: HostPort | None
    """None for mux and reverse, which name no destination."""
    addons: bytes = b""
    """Protobuf as sent, at most 255 bytes."""

    def encode(self) -> bytes:
        """The bytes on the wire.

        Raises:
            Misuse: ``bad-argument`` when the header cannot be written down.
        """
        if len(self.addons) > MAX_VLESS_ADDONS_BYTES:
            raise Misuse("bad-argument", f"{len(self.addons)} bytes of VLESS addons do not fit")
        if (self.target is not None) != (self.command in _WITH_ADDRESS):
            raise Misuse("bad-argument", f"command {self.command.name} and destination do not go together")
        head = bytes((_VERSION, *self.uuid.bytes, len(self.addons), *self.addons, self.command))
        return head if self.target is None else head + _encode_address(self.target)


def _encode_address(target: HostPort) -> bytes:
    if not 0 < target.port < 1 << 16:
        raise Misuse("bad-argument", f"{target.port} is not a port")
    port = target.port.to_bytes(2, "big")
    try:
        if "%" in target.host:  # the zone of a link-local address means nothing elsewhere
            raise ValueError
        address = ipaddress.ip_address(target.host)
    except ValueError:
        name = target.host.encode("ascii", "replace")
        if not _NAME_CHARS.match(name):
            raise Misuse("bad-argument", f"{target.host!r} is not a name that VLESS can carry") from None
        return port + bytes((_NAME, len(name))) + name
    return port + bytes((_IPV4 if address.version == 4 else _IPV6,)) + address.packed


class RequestReader:
    """Reads one request header, however it is cut. Holds less than 600 bytes plus one piece."""

    def __init__(self) -> None:
        self._buffer = b""

    def receive_data(self, data: bytes) -> tuple[RequestHeader, bytes] | None:
        """The header and the payload behind it, once the header is complete.

        Raises:
            PeerFault: ``bad-vless``: not VLESS.
            Refused: ``relay-refused``: VLESS, but nothing that we carry.
        """
        self._buffer = buffer = self._buffer + data if self._buffer else data
        if not buffer:
            return None
        _check_version(buffer)
        if len(buffer) < _COMMAND_AT:
            return None
        command_at = _COMMAND_AT + buffer[_COMMAND_AT - 1]
        if len(buffer) <= command_at:
            return None
        addons = buffer[_COMMAND_AT:command_at]
        flow = _read_flow(addons)
        try:
            command = Command(buffer[command_at])
        except ValueError:
            raise PeerFault("bad-vless", f"unknown command {buffer[command_at]}") from None
        target, end = None, command_at + 1
        if command in _WITH_ADDRESS:
            address = _read_address(buffer, end)
            if address is None:
                return None
            target, end = address
        if flow:
            raise Refused("relay-refused", f"flow {flow!r} is not carried")
        if command is not Command.TCP:
            raise Refused("relay-refused", f"command {command.name} is not carried")
        self._buffer = b""
        user = uuid.UUID(bytes=buffer[1:17])
        return RequestHeader(user, command, target, addons), buffer[end:]


class ResponseReader:
    """Reads one response header. Holds less than 260 bytes plus one piece."""

    def __init__(self) -> None:
        self._buffer = b""

    def receive_data(self, data: bytes) -> bytes | None:
        """The payload behind the header (perhaps empty), once the header is complete.

        Raises:
            PeerFault: ``bad-vless``.
        """
        self._buffer = buffer = self._buffer + data if self._buffer else data
        if not buffer:
            return None
        _check_version(buffer)
        if len(buffer) < 2 or len(buffer) < 2 + buffer[1]:
            return None
        end = 2 + buffer[1]
        _read_flow(buffer[2:end])
        self._buffer = b""
        return buffer[end:]


def _check_version(buffer: bytes) -> None:
    if buffer[0] != _VERSION:
        raise PeerFault("bad-vless", f"version {buffer[0]} instead of 0")


def _read_address(buffer: bytes, at: int) -> tuple[HostPort, int] | None:
    """The destination that begins at ``at`` and where it ends; None while it is incomplete."""
    if len(buffer) < at + 4:
        return None
    port, kind = int.from_bytes(buffer[at : at + 2], "big"), buffer[at + 2]
    start = at + 3
    if kind == _IPV4:
        end = start + 4
    elif kind == _IPV6:
        end = start + 16
    elif kind == _NAME:
        start, end = start + 1, start + 1 + buffer[start]
    else:
        raise PeerFault("bad-vless", f"unknown address type {kind}")
    if len(buffer) < end:
        return None
    if port == 0:  # Xray takes it, and then fails to dial
        raise PeerFault("bad-vless", "port 0")
    packed = buffer[start:end]
    host = _read_name(packed) if kind == _NAME else str(ipaddress.ip_address(packed))
    return HostPort(host, port), end


def _read_name(text: bytes) -> str:
    if not _NAME_CHARS.match(text):
        raise PeerFault("bad-vless", "a destination name with characters that no name has")
    name = text.decode("ascii").lower()
    try:  # an address in words is an address (spec 1.1)
        return str(ipaddress.ip_address(name))
    except ValueError:
        return name


# -- addons: just enough protobuf ---------------------------------------------------------------


def _read_flow(addons: bytes) -> str:
    """The flow named in the addons, usually none. Unknown fields and the seed are skipped."""
    flow, at = "", 0
    while at < len(addons):
        tag, at = _varint(addons, at)
        start, at = _field(addons, at, tag & 7)
        if tag >> 3 == 0 or tag >> 3 >= 1 << 29:
            raise _not_protobuf()
        if tag == (1 << 3 | 2):
            try:
                flow = addons[start:at].decode()
            except UnicodeDecodeError:
                raise _not_protobuf() from None
    return flow


def _field(data: bytes, at: int, wire_type: int) -> tuple[int, int]:
    """Where a field's value starts and ends."""
    start = at
    if wire_type == 0:
        _, end = _varint(data, at)
    elif wire_type == 1:
        end = at + 8
    elif wire_type == 2:
        length, start = _varint(data, at)
        end = start + length
    elif wire_type == 5:
        end = at + 4
    else:  # groups went out of use before Xray came into it
        raise _not_protobuf()
    if end > len(data):
        raise _not_protobuf()
    return start, end


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 64, 7):
        if at >= len(data):
            break
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            if value >= 1 << 64:
                break
            return value, at
    raise _not_protobuf()


def _not_protobuf() -> PeerFault:
    return PeerFault("bad-vless", "addons that are not protobuf")
