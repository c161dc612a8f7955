"""The chain on disk: ``audit-000001.jsonl`` and so on, appended to by one process at a time.

Whoever appends holds the lock, goes on from the last whole record, and leaves when all is on disk.
What it finds wrong there is told by a record of its own, which is part of the chain:

- bytes behind the last whole record (the power went in the middle of a line): ``torn-line``, with
  their number and hash, so that nobody can claim later that something else stood there;
- fewer records than the head counted, or another last one: ``tail-missing``.

A write that fails half-way is taken back.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..base.audit_events import AuditValue
from ..base.limits import AUDIT_FILE_BYTES, AUDIT_FILES_KEPT, AUDIT_LOCK_TIMEOUT_S
from ..profile import ensure_directory
from ..profile.files import hold_lock
from .head import NOTHING_LOST, Head, Loss, read_head, write_head
from .record import START, Note, Record, stamp

__all__ = ["HEAD", "Chain", "audit_files", "file_number", "torn_hash"]

HEAD = "head"
"""Name of the file of :mod:`.head`."""

_NAME = re.compile(r"audit-(\d{6,})\.jsonl\Z")
_BINARY = getattr(os, "O_BINARY", 0)
_LAST_BYTES = 64 * 1024
"""The last record is looked for here first; most have under 1 KiB."""


def audit_files(directory: Path) -> list[Path]:
    """The files of the record, the oldest first.

    Raises:
        OSError: the directory is there, and cannot be read.
    """
    try:
        found = [path for path in directory.iterdir() if _NAME.match(path.name)]
    except FileNotFoundError:
        return []
    return sorted(found, key=file_number)


def file_number(path: Path) -> int:
    """1 for ``audit-000001.jsonl``."""
    match = _NAME.match(path.name)
    assert match is not None
    return int(match[1])


def torn_hash(torn: bytes) -> str:
    """What a ``torn-line`` record holds of the bytes before it."""
    return hashlib.sha256(torn.rstrip(b"\n")).hexdigest()


@dataclass(frozen=True, slots=True)
class _Tail:
    """Where the chain goes on."""

    seq: int
    """Of the last whole record."""
    hash: str
    torn: bytes = b""
    """What stands behind it in the last file, except its line end."""
    ended: bool = True
    """The last file is empty, or its last line has an end."""


class Chain:
    """The record in one directory.

    Args:
        directory: made when it is needed.
        file_bytes: a file that has this size is not appended to any more.
        files_kept: of the newest; older ones are removed.
        wall_clock: Unix time, seconds.
    """

    def __init__(
        self,
        directory: Path,
        *,
        file_bytes: int = AUDIT_FILE_BYTES,
        files_kept: int = AUDIT_FILES_KEPT,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self.directory = directory
        self._file_bytes = file_bytes
        self._files_kept = files_kept
        self._wall_clock = wall_clock

    def append(self, notes: Sequence[Note], lost: Loss = NOTHING_LOST) -> None:
        """Write all notes behind what is there, or none; on disk when this returns.

        Args:
            lost: what could not be written before, and is not in the head yet.

        Raises:
            Misuse: ``timeout``, ``state-not-written``.
            OSError
        """
        with self._locked():
            files = audit_files(self.directory)
            tail = self._tail(files)
            head = read_head(self.directory / HEAD)
            all_notes = [*self._findings(tail, head, lost), *notes]
            if not all_notes:
                return
            path = files[-1] if files else self.directory / "audit-000001.jsonl"
            kept = files
            if files and not tail.torn and path.stat().st_size >= self._file_bytes:
                kept = [*files, self._name(file_number(path) + 1)][-self._files_kept :]
                all_notes.insert(0, self._note("continued", after=path.name, oldest=file_number(kept[0])))
                path = kept[-1]
                tail = _Tail(tail.seq, tail.hash)
            last = _write(path, tail, all_notes)
            write_head(self.directory / HEAD, Head(last.seq, last.hash))
            for old in files:
                if old not in kept:
                    with contextlib.suppress(OSError):  # once more than it should be: no harm
                        old.unlink()

    def head(self) -> Head:
        """Where the record stands."""
        return read_head(self.directory / HEAD) or Head(0, START)

    def lose(self, lost: Loss) -> None:
        """Remember in the head what could not be written; needs no space on the disk.

        Raises:
            Misuse: ``timeout``, ``state-not-written``.
            OSError
        """
        with self._locked():
            head = self.head()
            write_head(self.directory / HEAD, Head(head.seq, head.hash, head.lost + lost))

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        ensure_directory(self.directory)
        with hold_lock(self.directory / ".lock", AUDIT_LOCK_TIMEOUT_S):
            yield

    def _name(self, number: int) -> Path:
        return self.directory / f"audit-{number:06}.jsonl"

    def _note(self, event: str, **fields: AuditValue) -> Note:
        return Note(event, "tw", self._wall_clock(), fields)

    def _findings(self, tail: _Tail, head: Head | None, lost: Loss) -> Iterator[Note]:
        if tail.torn:
            torn = tail.torn
            yield self._note("torn-line", bytes=len(torn.rstrip(b"\n")), sha256=torn_hash(torn))
        if head is None:
            head = Head(0, START)
        if head.seq > tail.seq or (head.seq == tail.seq and head.hash != tail.hash):
            yield self._note("tail-missing", expected_seq=head.seq, expected_hash=head.hash)
        lost += head.lost
        if lost.count:
            yield self._note("gap", count=lost.count, since=stamp(lost.since), until=stamp(lost.until))

    def _tail(self, files: Sequence[Path]) -> _Tail:
        for path in reversed(files):
            found = _last_record(path)
            if found is None:
                continue
            record, torn, ended = found
            if path == files[-1]:
                return _Tail(record.seq, record.hash, torn, ended)
            torn = files[-1].read_bytes()
            return _Tail(record.seq, record.hash, torn, torn.endswith(b"\n") or not torn)
        torn = files[-1].read_bytes() if files else b""
        head = self.head()
        return _Tail(head.seq, head.hash, torn, torn.endswith(b"\n") or not torn)


def _last_record(path: Path) -> tuple[Record, bytes, bool] | None:
    """The last whole record of a file, what stands behind it, and whether the file ends with a line end."""
    for size in (_LAST_BYTES, sys.maxsize):
        with path.open("rb") as file:
            start = max(0, file.seek(0, os.SEEK_END) - size)
            file.seek(start)
            data = file.read()
        lines = data.split(b"\n")
        first = 1 if start else 0  # the piece before the first line end may be half a line
        for index in range(len(lines) - 1, first - 1, -1):
            try:
                record = Record.parse(lines[index])
            except ValueError:
                continue
            behind = b"\n".join(lines[index + 1 :])
            return record, behind, data.endswith(b"\n")
        if not start:
            break
    return None


def _write(path: Path, tail: _Tail, notes: Sequence[Note]) -> Record:
    """Append the notes as records; returns the last one."""
    parts = [b""] if tail.ended else [b"\n"]
    seq, prev = tail.seq, tail.hash
    record: Record | None = None
    for note in notes:
        record = note.record(seq + 1, prev)
        seq, prev = record.seq, record.hash
        parts.append(record.line())
    assert record is not None
    is_new = not path.exists()
    fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | _BINARY, 0o600)
    try:
        size = os.fstat(fd).st_size
        try:
            data = memoryview(b"".join(parts))
            while data:
                data = data[os.write(fd, data) :]
            os.fsync(fd)
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(fd, size)
            raise
    finally:
        os.close(fd)
    if is_new:
        _sync_directory(path.parent)
    return record


def _sync_directory(directory: Path) -> None:
    """Make a new name last through a power cut, where the system can."""
    if sys.platform != "win32":
        with contextlib.suppress(OSError):
            fd = os.open(directory, os.O_RDONLY)
            try:
                os.fsync(fd)
            finally:
                os.close(fd)
