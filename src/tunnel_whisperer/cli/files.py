"""Files that people name on the command line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..base.errors import Misuse

__all__ = ["naming", "read_text"]

_MAX_BYTES = 1024 * 1024


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Complaints about what is in ``path`` name it."""
    try:
        yield
    except Misuse as exc:
        if exc.where != str(path):
            exc.where = f"{path}: {exc.where}" if exc.where else str(path)
        raise


def read_text(path: Path) -> str:
    """A text file of a size that ours have.

    Raises:
        Misuse: ``file-unreadable``.
    """
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_BYTES + 1)
    except OSError as exc:
        raise Misuse("file-unreadable", exc.strerror or "cannot be read", where=str(path)) from None
    if len(data) > _MAX_BYTES:
        raise Misuse("file-unreadable", "the file is too large to be one of ours", where=str(path))
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise Misuse("file-unreadable", "the file is not text", where=str(path)) from None
