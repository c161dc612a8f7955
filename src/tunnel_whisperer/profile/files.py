"""Writing state: the old file or the new one, never half of either; one writer at a time."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ..base.errors import Misuse
from ..base.limits import PROFILE_LOCK_TIMEOUT_S

__all__ = ["ensure_directory", "hold_lock", "remove_file", "write_file", "write_files", "write_new_files"]

_POLL_S = 0.05

if sys.platform == "win32":
    import msvcrt

    def _try_lock(fd: int) -> None:
        os.lseek(fd, 0, os.SEEK_SET)
        msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _try_lock(fd: int) -> None:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _not_written(path: Path, exc: OSError) -> Misuse:
    return Misuse(
        "state-not-written",
        f"{exc.strerror or exc}; what was there before still stands",
        where=str(path),
        hint="check free space and permissions, then do it again",
    )


def ensure_directory(path: Path) -> None:
    """Make the directory and what is missing above it, 0700; an existing one keeps its mode.

    Raises:
        Misuse: ``state-not-written``.
    """
    try:
        missing = [above for above in path.parents if not above.exists()]
        for directory in (*reversed(missing), path):
            directory.mkdir(mode=0o700, exist_ok=True)
    except OSError as exc:
        raise _not_written(path, exc) from exc


def write_file(path: Path, data: bytes | str, mode: int = 0o600) -> None:
    """Replace ``path`` as a whole, on disk when this returns.

    Args:
        mode: permission bits, whatever the umask.

    Raises:
        Misuse: ``state-not-written``; then the old file stands and nothing is left beside it.
    """
    write_files({path: data}, mode)


def write_files(contents: Mapping[Path, bytes | str], mode: int = 0o600) -> None:
    """Replace several files, in this order; all are on disk in full before the first is replaced.

    So a full disk changes nothing. A process that is killed between two replacements leaves the
    first ones new: put last the file without which the others do not count.

    Raises:
        Misuse: ``state-not-written``; then the old files stand and nothing is left beside them.
    """
    swaps: list[_Swap] = []
    path = Path()
    try:
        for path, data in contents.items():
            swaps.append(_Swap(path, _stage(path, data.encode() if isinstance(data, str) else data, mode)))
        for swap in swaps:
            path = swap.path
            swap.keep_old(undoable=len(swaps) > 1)
            swap.staged.replace(swap.path)
            swap.done = True
    except OSError as exc:
        for swap in reversed(swaps):
            swap.undo()
        raise _not_written(path, exc) from exc
    finally:
        for swap in swaps:
            swap.tidy()
    for directory in {path.parent for path in contents}:
        _sync_directory(directory)


def write_new_files(contents: Mapping[Path, bytes]) -> None:
    """Write files, 0600, into a place that counts for nothing yet, in this order; their directories
    are made. On disk when this returns; a failure may leave some of them.

    Raises:
        Misuse: ``state-not-written``, also where a file exists.
    """
    directories = sorted({path.parent for path in contents})
    for directory in directories:
        ensure_directory(directory)
    for path, data in contents.items():
        try:
            fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(fd, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(fd)
        except OSError as exc:
            raise _not_written(path, exc) from exc
    for directory in directories:
        _sync_directory(directory)


@dataclass(slots=True)
class _Swap:
    """One file under replacement."""

    path: Path
    staged: Path
    old: Path | None = None
    done: bool = False

    def keep_old(self, *, undoable: bool) -> None:
        if undoable and self.path.exists():
            old = self.staged.with_suffix(".old")
            os.link(self.path, old)
            self.old = old

    def undo(self) -> None:
        if self.done:
            with contextlib.suppress(OSError):  # the first failure is the one that is told
                if self.old is not None:
                    self.old.replace(self.path)
                else:
                    self.path.unlink()

    def tidy(self) -> None:
        for left in (self.staged, self.old):
            if left is not None:
                with contextlib.suppress(OSError):
                    left.unlink(missing_ok=True)


def _stage(path: Path, data: bytes, mode: int) -> Path:
    """The data in a temporary file beside ``path``, on disk."""
    fd, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
    staged = Path(name)
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if sys.platform != "win32":
            staged.chmod(mode)
    except BaseException:
        with contextlib.suppress(OSError):
            staged.unlink()
        raise
    return staged


def _sync_directory(directory: Path) -> None:
    """Make renames in ``directory`` last through a power cut, where the system can.

    A failure is not told: the new state is in place, and some file systems refuse this for good.
    """
    if sys.platform == "win32":
        return
    with contextlib.suppress(OSError):
        fd = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)


def remove_file(path: Path) -> None:
    """Remove a file, if it is there, for good.

    Raises:
        Misuse: ``state-not-written``.
    """
    try:
        path.unlink(missing_ok=True)
    except OSError as exc:
        raise _not_written(path, exc) from exc
    _sync_directory(path.parent)


class _Held(threading.local):
    """Locks of this thread, so that a step may call a step."""

    def __init__(self) -> None:
        self.paths: set[Path] = set()


_held = _Held()


@contextlib.contextmanager
def hold_lock(
    path: Path,
    timeout_s: float = PROFILE_LOCK_TIMEOUT_S,
    *,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[None]:
    """One holder at a time over all processes; the system frees it when a holder dies.

    Raises:
        Misuse: ``timeout`` when another holder keeps it, ``state-not-written``.
    """
    path = path.absolute()
    if path in _held.paths:
        yield
        return
    try:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)
    except OSError as exc:
        raise _not_written(path, exc) from exc
    try:
        _wait_for_lock(fd, path, clock() + timeout_s, clock, sleep)
        _held.paths.add(path)
        try:
            yield
        finally:
            _held.paths.discard(path)
    finally:
        os.close(fd)


def _wait_for_lock(
    fd: int, path: Path, deadline: float, clock: Callable[[], float], sleep: Callable[[float], None]
) -> None:
    while True:
        try:
            _try_lock(fd)
        except OSError as exc:
            if clock() >= deadline:
                raise Misuse(
                    "timeout",
                    "another tw is changing this directory",
                    where=str(path.parent),
                    hint="wait until it has ended, then do it again",
                ) from exc
        else:
            return
        sleep(_POLL_S)
