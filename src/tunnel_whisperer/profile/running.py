"""One process per identity: who serves it, and that nobody else does.

The system's lock on ``run/lock`` is the truth and is freed when its holder dies, however it dies;
what is written in the file only tells people who holds it.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ..base.errors import Misuse
from .files import ensure_directory
from .places import Profile

__all__ = ["Running", "running", "who_runs"]

_MAX_NOTE_BYTES = 4096
"""Of the file: ours has about a hundred."""

_TRIES, _PAUSE_S = 10, 0.02
"""``who_runs`` in another process takes the lock for microseconds; a holder keeps it."""

_FULL = (errno.ENOSPC, errno.EDQUOT)

_BUSY = (errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES, errno.EDEADLK)

if sys.platform == "win32":
    import msvcrt

    _LOCKED_BYTE = 2**30
    """Windows keeps others from reading what is locked: a byte after all text."""

    def _take(fd: int) -> None:
        os.lseek(fd, _LOCKED_BYTE, os.SEEK_SET)
        msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _take(fd: int) -> None:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)


@dataclass(frozen=True, slots=True)
class Running:
    """The process that serves an identity."""

    pid: int
    """0 when it has not said so yet."""
    command: str
    """``tw serve``."""
    since: float
    """Seconds since 1970."""

    def __str__(self) -> str:
        if not self.pid:
            return "another tw"
        since = datetime.fromtimestamp(self.since, UTC).astimezone()
        return f"{self.command} (process {self.pid}, since {since:%Y-%m-%d %H:%M})"


def _file_of(profile: Profile) -> Path:
    return profile.run / "lock"


@contextlib.contextmanager
def running(profile: Profile, command: str, *, sleep: Callable[[float], None] = time.sleep) -> Iterator[None]:
    """Nobody else serves this identity meanwhile; makes its directory.

    Args:
        command: as people know it, such as ``tw serve``.

    A full disk is no reason not to serve: then it holds, and nobody can read who has it.

    Raises:
        Misuse: ``already-running``; ``state-not-written`` where the directory is read-only or its
            file system has no locks.
    """
    profile.ensure()
    ensure_directory(profile.run)
    path = _file_of(profile)
    try:
        fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as exc:
        raise _no_lock(path, exc) from exc
    try:
        _wait(fd, profile, sleep)
        try:
            _write(fd, json.dumps({"pid": os.getpid(), "command": command, "since": time.time()}))
        except OSError as exc:
            if exc.errno not in _FULL:
                raise _no_lock(path, exc) from exc
            with contextlib.suppress(OSError):  # no name is better than one of a process that is gone
                os.ftruncate(fd, 0)
        try:
            yield
        finally:
            with contextlib.suppress(OSError):  # the lock says it: nobody reads the text without it
                os.ftruncate(fd, 0)
    finally:
        os.close(fd)


def _wait(fd: int, profile: Profile, sleep: Callable[[float], None]) -> None:
    for left in reversed(range(_TRIES)):
        try:
            _take(fd)
        except OSError as exc:
            if exc.errno not in _BUSY:
                raise _no_lock(_file_of(profile), exc) from exc
            if not left:
                raise Misuse(
                    "already-running",
                    f"{_read(fd)} serves this identity already",
                    where=str(profile.directory),
                    hint="stop it first, or use another identity: tw list contexts",
                ) from None
            sleep(_PAUSE_S)
        else:
            return


def _no_lock(path: Path, exc: OSError) -> Misuse:
    return Misuse(
        "state-not-written",
        f"{exc.strerror or exc}; a role keeps a lock here while it runs",
        where=str(path),
        hint="check free space, make the directory writable for this account, or name another: --config-dir",
    )


def who_runs(profile: Profile) -> Running | None:
    """The process that serves this identity; None when there is none, or when it cannot be known
    because the directory is another account's."""
    try:
        fd = os.open(_file_of(profile), os.O_RDWR)
    except OSError:
        return None
    try:
        _take(fd)
    except OSError as exc:
        return _read(fd) if exc.errno in _BUSY else None
    finally:
        os.close(fd)
    return None


def _write(fd: int, text: str) -> None:
    data = text.encode()
    os.lseek(fd, 0, os.SEEK_SET)
    os.write(fd, data)
    os.ftruncate(fd, len(data))


def _read(fd: int) -> Running:
    """What the holder wrote; it may be about to."""
    try:
        os.lseek(fd, 0, os.SEEK_SET)
        note = json.loads(os.read(fd, _MAX_NOTE_BYTES))
        return Running(int(note["pid"]), str(note["command"]), float(note["since"]))
    except (OSError, ValueError, TypeError, KeyError, OverflowError):
        return Running(0, "", 0.0)
