"""ResponseReader: any bytes, however cut."""

from __future__ import annotations

import random
from typing import cast

from tunnel_whisperer.wire.vless import ResponseReader

from .bytewise import check_reader, mutate

__all__ = ["case"]


def _join(result: object, rest: bytes) -> object:
    return cast("bytes", result) + rest


def case(chance: random.Random) -> None:
    """One header, mostly damaged, with payload."""
    addons = chance.choice([b"", b"\x12\x02ab", chance.randbytes(chance.randint(0, 255))])
    data = bytes((0, len(addons))) + addons + b"payload"
    check_reader(lambda: ResponseReader().receive_data, _join, mutate(data, chance), chance)
