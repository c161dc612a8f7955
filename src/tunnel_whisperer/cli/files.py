"""Files that people name on the command line."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..base.errors import Misuse

__all__ = ["naming", "place_for_file", "read_text"]

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


def place_for_file(out: Path, *, force: bool | None = None) -> Path:
    """``out``, where a new file can be.

    Args:
        force: whether it may replace one; None: there is no such flag.

    Raises:
        Misuse: ``exists``, ``bad-argument`` for a place where no file can be.
    """
    if not str(out).isprintable():  # or this terminal would obey the name, now and in each ls
        raise Misuse("bad-argument", "not a name for a new file", where=str(out), hint="--out FILE")
    try:
        is_directory = out.is_dir()
    except OSError as exc:  # it is too long, or in a directory that is not ours
        raise Misuse("bad-argument", exc.strerror or "no", where=str(out), hint="--out FILE") from None
    if is_directory:
        raise Misuse("bad-argument", "this is a directory", where=str(out), hint="--out FILE")
    if not out.parent.is_dir():
        raise Misuse("bad-argument", "there is no such directory", where=str(out.parent), hint="--out FILE")
    if os.path.lexists(out):
        if not force:
            also = "" if force is None else ", or replace it with --force"
            raise Misuse("exists", "this file exists already", where=str(out), hint=f"--out FILE{also}")
        if not out.is_file():  # a device, or a link to nothing: the new file would take its place
            raise Misuse("bad-argument", "this is not a plain file", where=str(out), hint="--out FILE")
    return out
