"""Changing and cutting bytes at random."""

from __future__ import annotations

import random
from collections.abc import Callable

from tunnel_whisperer.base.errors import TwError

__all__ = ["check_reader", "mutate"]


def mutate(data: bytes, chance: random.Random) -> bytes:
    """A few bytes changed, added, taken out or repeated."""
    out = bytearray(data)
    for _ in range(chance.randint(0, 4)):
        at = chance.randint(0, len(out))
        match chance.randint(0, 4):
            case 0:
                out[at : at + 1] = bytes((chance.choice([0, 1, 2, 3, 4, 0x0A, 0x7F, 0x80, 0xFF]),))
            case 1:
                out[at:at] = chance.randbytes(chance.randint(1, 20))
            case 2:
                del out[at : at + chance.randint(1, 10)]
            case 3:
                out[at:at] = out[at : at + 30]
            case _:
                out[at : at + 1] = chance.randbytes(1)
    return bytes(out)


def check_reader(
    make: Callable[[], Callable[[bytes], object]],
    join: Callable[[object, bytes], object],
    data: bytes,
    chance: random.Random,
) -> None:
    """Read ``data`` whole, and in random pieces: the same result, or the same documented error.

    Args:
        make: gives a fresh ``receive_data``, which returns None while it needs more.
        join: a result with the bytes that came behind it.
    """

    def outcome(pieces: list[bytes]) -> object:
        read = make()
        try:
            for n, piece in enumerate(pieces):
                if (result := read(piece)) is not None:
                    return join(result, b"".join(pieces[n + 1 :]))
        except TwError as exc:
            assert exc.code in ("bad-vless", "relay-refused"), f"undocumented here: {exc.code}"
            return exc.code, str(exc)
        return None

    pieces, at = [], 0
    while at < len(data):
        size = chance.choice([1, 1, 2, 7, 300])
        pieces.append(data[at : at + size])
        at += size
    whole, cut = outcome([data]), outcome(pieces)
    assert whole == cut, f"{data.hex()}: {whole} at once, {cut} in pieces"
