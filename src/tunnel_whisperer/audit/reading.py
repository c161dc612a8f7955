"""Reading the record: which entries, and whether the chain holds.

What a chain of hashes can show, and what not, is told in docs/how-to/audit.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from .chain import HEAD, audit_files, file_number, torn_hash
from .head import NOTHING_LOST, Head, Loss, read_head
from .record import START, Record

__all__ = ["Broken", "Verdict", "newest", "select", "verify"]


_ATTEMPTS = 3
"""Files go, but not so often."""


@dataclass(frozen=True, slots=True)
class Broken:
    """A link that does not hold."""

    file: str
    line: int
    """From 1; 0: the file as a whole."""
    why: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the chain shows."""

    records: int
    first_seq: int
    """0: there is no record."""
    last_seq: int
    last_hash: str
    broken: Broken | None
    """The first broken link; None: it holds."""
    holds_wanted: bool
    """Whether the record with the hash that was asked for is part of what was checked."""
    lost: Loss = NOTHING_LOST
    """What could not be written yet."""


def select(directory: Path, wanted: Callable[[Record], bool], *, since: str = "") -> Iterator[Record]:
    """The records that are wanted, the oldest first; what is no record is left out.

    Args:
        since: time as in a record; earlier ones are left out.

    Raises:
        OSError
    """
    files = audit_files(directory)
    for path, following in zip(files, [*files[1:], None], strict=False):
        # Clocks may be set back, but hardly over a whole file.
        if since and following is not None and _begins(following) < since:
            continue
        yield from (record for record in _records(path) if record.time >= since and wanted(record))


def newest(directory: Path, *, before: int = 0, since: str = "") -> Iterator[Record]:
    """The records, the newest first; what is no record is left out. Costs what is taken of it.

    Args:
        before: number of a record; only those with smaller ones. 0: all.
        since: time as in a record; earlier ones are left out.

    Raises:
        OSError
    """
    for path in reversed(audit_files(directory)):
        first = next(_records(path), None)
        if first is None or (before and first.seq >= before):
            continue
        for record in _backwards(path):
            if (not before or record.seq < before) and record.time >= since:
                yield record
        if first.time < since:  # as in ``select``
            return


def _backwards(path: Path) -> Iterator[Record]:
    """Of one file, which is small enough to be held (AUDIT_FILE_BYTES)."""
    try:
        lines = path.read_bytes().split(b"\n")
    except FileNotFoundError:
        return
    for line in reversed(lines):
        try:
            yield Record.parse(line)
        except ValueError:
            continue


def _begins(path: Path) -> str:
    """The time of a file's first record."""
    return next((record.time for record in _records(path)), "")


def _records(path: Path) -> Iterator[Record]:
    try:
        file = path.open("rb")
    except FileNotFoundError:  # the oldest one goes when a new one is begun
        return
    with file:
        for line in file:
            try:
                yield Record.parse(line)
            except ValueError:
                continue


class _Walk:
    """Goes along the chain up to the first broken link."""

    def __init__(self, head: Head | None, wanted_hash: str) -> None:
        self.records = 0
        self.first: Record | None = None
        self.last: Record | None = None
        self.holds_wanted = not wanted_hash
        self._head = head
        self._wanted = wanted_hash
        self._oldest = 1
        self._torn: list[bytes] = []
        self._torn_at: Broken | None = None

    def file(self, path: Path) -> Broken | None:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                broken = self._line(path, number, line)
                if broken is not None:
                    return broken
        return None

    def _line(self, path: Path, number: int, line: bytes) -> Broken | None:
        try:
            record = Record.parse(line)
        except ValueError as exc:
            self._torn.append(line)
            self._torn_at = self._torn_at or Broken(path.name, number, str(exc))
            return None
        broken = self._torn_before(record)
        if broken is None and (why := self._fault(path, record)):
            broken = Broken(path.name, number, why)
        if broken is not None:
            return broken
        self.records += 1
        self.first = self.first or record
        self.last = record
        self.holds_wanted = self.holds_wanted or record.hash == self._wanted
        if record.event == "continued" and isinstance(record.fields.get("oldest"), int):
            self._oldest = max(self._oldest, record.fields["oldest"])
        return None

    def _torn_before(self, record: Record) -> Broken | None:
        """What is no record must be told of by the next one."""
        at, torn = self._torn_at, b"".join(self._torn)
        self._torn_at, self._torn = None, []
        told = record.event == "torn-line" and record.fields.get("sha256") == torn_hash(torn)
        return None if told else at

    def _fault(self, path: Path, record: Record) -> str:
        if record.event == "tail-missing":
            return f"tells that records up to {record.fields.get('expected_seq')} were missing, or not as written"
        last = self.last
        if last is None:
            if file_number(path) == 1 and (record.seq, record.prev) != (1, START):
                return f"is record {record.seq}: those before it are missing"
        elif (record.seq, record.prev) != (last.seq + 1, last.hash):
            return f"does not follow record {last.seq}: records are missing, or were put in"
        if self._head is not None and record.seq == self._head.seq and record.hash != self._head.hash:
            return "is not the record that was written"
        return ""

    def end(self, files: Sequence[Path]) -> Broken | None:
        """What the ends tell."""
        # Half a line at the very end is what a power cut leaves, or a write that is under way.
        if self._torn_at is not None and (len(self._torn) > 1 or self._torn[0].endswith(b"\n")):
            return self._torn_at
        if files and file_number(files[0]) > self._oldest:
            return Broken(files[0].name, 0, "the files before it are missing, and tw has not removed them")
        last_seq = self.last.seq if self.last is not None else 0
        if self._head is not None and self._head.seq > last_seq:
            name = files[-1].name if files else HEAD
            return Broken(name, 0, f"ends with record {last_seq}, and {self._head.seq} were written")
        return None


def verify(directory: Path, wanted_hash: str = "") -> Verdict:
    """Go along the chain.

    Args:
        wanted_hash: of a record that must be part of it; empty: none.

    Raises:
        OSError
    """
    for _ in range(_ATTEMPTS - 1):
        with suppress(FileNotFoundError):  # the oldest file went when a new one was begun
            return _verify(directory, wanted_hash)
    return _verify(directory, wanted_hash)


def _verify(directory: Path, wanted_hash: str) -> Verdict:
    head = read_head(directory / HEAD)  # first: it is behind the files, never ahead
    files = audit_files(directory)
    walk = _Walk(head, wanted_hash)
    broken = _along(walk, files) or walk.end(files)
    first, last = walk.first, walk.last
    return Verdict(
        walk.records,
        first.seq if first is not None else 0,
        last.seq if last is not None else 0,
        last.hash if last is not None else START,
        broken,
        walk.holds_wanted,
        head.lost if head is not None else NOTHING_LOST,
    )


def _along(walk: _Walk, files: Sequence[Path]) -> Broken | None:
    before = 0
    for path in files:
        number = file_number(path)
        if before and number != before + 1:
            return Broken(path.name, 0, f"file {before + 1} is missing")
        before = number
        if (broken := walk.file(path)) is not None:
            return broken
    return None
