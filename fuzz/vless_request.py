"""RequestReader: any bytes, however cut."""

from __future__ import annotations

import random
import uuid
from typing import cast

from tunnel_whisperer.base.values import HostPort
from tunnel_whisperer.wire.vless import Command, RequestHeader, RequestReader

from .bytewise import check_reader, mutate

__all__ = ["case"]

_USER = uuid.UUID("11111111-2222-3333-4444-555555555555")
_HOSTS = ("192.0.2.7", "2001:db8::1", "example.test", "a" * 255)


def _join(result: object, rest: bytes) -> object:
    header, payload = cast("tuple[RequestHeader, bytes]", result)
    if header.target is not None:
        again = RequestReader().receive_data(header.encode())
        assert again == (header, b""), f"{header} does not survive its own encoding"
    return header, payload + rest


def case(chance: random.Random) -> None:
    """One header, mostly damaged, with payload."""
    command = chance.choice([Command.TCP, Command.TCP, Command.TCP, *Command])
    target = HostPort(chance.choice(_HOSTS), chance.randint(1, 65535))
    addons = chance.choice([b"", b"", b"\x12\x02ab", b"\x0a\x03zzz", chance.randbytes(chance.randint(0, 40))])
    header = RequestHeader(_USER, command, target if command <= Command.UDP else None, addons)
    check_reader(
        lambda: RequestReader().receive_data, _join, mutate(header.encode() + b"payload", chance), chance
    )
