"""Where the record stands, and what could not be written: a small file of a fixed size.

It is written over in place, so that it can be written when the disk is full: its blocks are there
already. It is written after the record is on disk, never before, so that it is at most behind.
A head that cannot be read (a power cut in the middle of it) counts as none.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["NOTHING_LOST", "Head", "Loss", "read_head", "write_head"]

_SIZE = 512
"""Bytes: one sector, which disks write as a whole."""


@dataclass(frozen=True, slots=True)
class Loss:
    """Records that could not be written."""

    count: int = 0
    since: float = 0.0
    """Unix time of the first."""
    until: float = 0.0
    """Unix time of the last."""

    def __add__(self, other: Loss) -> Loss:
        if not (self.count and other.count):
            return self if self.count else other
        return Loss(self.count + other.count, min(self.since, other.since), max(self.until, other.until))


NOTHING_LOST = Loss()


@dataclass(frozen=True, slots=True)
class Head:
    """The last record, and what is missing behind it."""

    seq: int
    """0: none yet."""
    hash: str
    lost: Loss = NOTHING_LOST


def read_head(path: Path) -> Head | None:
    """What the file says; None when there is none that can be read."""
    try:
        value: Any = json.loads(path.read_bytes())
        lost = value["lost"]
        return Head(
            int(value["seq"]),
            str(value["hash"]),
            Loss(int(lost["count"]), float(lost["since"]), float(lost["until"])),
        )
    except (OSError, ValueError, TypeError, KeyError, OverflowError):
        return None


def write_head(path: Path, head: Head) -> None:
    """Write it in place.

    Raises:
        OSError
    """
    lost = {"count": head.lost.count, "since": head.lost.since, "until": head.lost.until}
    text = json.dumps({"hash": head.hash, "lost": lost, "seq": head.seq})
    data = text.encode().ljust(_SIZE - 1) + b"\n"
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o600)
    try:
        os.write(fd, data)
    finally:
        os.close(fd)
