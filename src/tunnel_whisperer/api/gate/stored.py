"""A small JSON file that several processes share: its version, and whether somebody changed it."""

from __future__ import annotations

import contextlib
import json
import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ...base.errors import Misuse
from ...base.limits import MAX_KEYS_BYTES
from ...profile import Profile, locked, remove_file, write_file

__all__ = ["Stamp", "StoredFile"]

_FORMAT = 1

Stamp = tuple[int, int, int]
"""Changes whenever the file is replaced: time of change, inode, size."""


class StoredFile:
    """One file, 0600, replaced as a whole.

    Args:
        path: in a directory of our own, which is made when something is written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def stamp(self) -> Stamp | None:
        """None while there is no file, or none that can be seen."""
        try:
            found = self.path.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_ino, found.st_size

    def read(self) -> dict[str, Any] | None:
        """What is in it; None when there is no file.

        Raises:
            Misuse: ``bad-record``, ``file-unreadable``.
        """
        try:
            with self.path.open("rb") as file:
                if sys.platform != "win32":
                    self._check_mode(file.fileno())
                data = file.read(MAX_KEYS_BYTES + 1)
        except FileNotFoundError:
            return None
        except OSError as exc:
            raise Misuse("file-unreadable", exc.strerror or "cannot be read", where=str(self.path)) from exc
        try:
            if len(data) > MAX_KEYS_BYTES:
                raise ValueError
            record: Any = json.loads(data)
            version = record["format"]
            if type(version) is not int or version < 1:
                raise ValueError
        except (ValueError, TypeError, KeyError, RecursionError):
            raise self.damaged() from None
        if version > _FORMAT:
            raise Misuse(
                "bad-record",
                f"written by a newer tw (format {version}, this one reads {_FORMAT})",
                where=str(self.path),
                hint="use the newer tw",
            )
        assert isinstance(record, dict)
        return record

    def damaged(self) -> Misuse:
        """The error for content that cannot be used."""
        return Misuse(
            "bad-record",
            "this file is damaged",
            where=str(self.path),
            hint="remove it; then everybody logs in again, and tokens are made anew",
        )

    def _check_mode(self, fd: int) -> None:
        # As OpenSSH's StrictModes: who can write this file can let himself in.
        if os.fstat(fd).st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise Misuse(
                "bad-record",
                "other accounts may write to this file, so it lets nobody in",
                where=str(self.path),
                hint="chmod 600, if nobody changed it",
            )

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Nobody else writes meanwhile.

        Raises:
            Misuse: ``timeout``, ``state-not-written``.
        """
        with locked(Profile(self.path.parent)):
            yield

    def write(self, record: dict[str, Any]) -> None:
        """Replace it.

        Raises:
            Misuse: ``state-not-written``; the old file stands.
        """
        Profile(self.path.parent).ensure()
        write_file(self.path, json.dumps({"format": _FORMAT, **record}, indent=1) + "\n")

    def remove(self) -> None:
        """Remove it, if it is there.

        Raises:
            Misuse: ``state-not-written``.
        """
        remove_file(self.path)
