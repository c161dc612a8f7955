"""The thread between the data path and the disk."""

from __future__ import annotations

import errno
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import cast

import pytest

from tunnel_whisperer.audit import writer as module
from tunnel_whisperer.audit.chain import Chain
from tunnel_whisperer.audit.head import NOTHING_LOST, Head, Loss
from tunnel_whisperer.audit.reading import select, verify
from tunnel_whisperer.audit.record import Note, Record
from tunnel_whisperer.audit.writer import AuditWriter


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_TICK_S", 0.01)


class Disk:
    """A chain that can be slow, or full."""

    def __init__(self) -> None:
        self.full = False
        self.head_too = False
        self.go = threading.Event()
        self.go.set()
        self.changed = threading.Condition()
        self.attempts = 0
        self.written: list[list[Note]] = []
        self.told = NOTHING_LOST
        self.in_head = NOTHING_LOST

    def append(self, notes: Sequence[Note], lost: Loss = NOTHING_LOST) -> None:
        self.go.wait(10)
        with self.changed:
            self.attempts += 1
            self.changed.notify_all()
            if self.full:
                raise OSError(errno.ENOSPC, "No space left on device")
            self.told, self.in_head = self.told + lost + self.in_head, NOTHING_LOST
            self.written.append(list(notes))

    def head(self) -> Head:
        return Head(sum(map(len, self.written)), "f" * 64, self.in_head)

    def lose(self, lost: Loss) -> None:
        if self.head_too:
            raise OSError(errno.EIO, "Input/output error")
        self.in_head += lost

    def wait(self, attempts: int) -> None:
        with self.changed:
            assert self.changed.wait_for(lambda: self.attempts >= attempts, 10)


def _writer(disk: Disk) -> AuditWriter:
    writer = AuditWriter(cast(Chain, disk), lambda: 1_000_000_000.0)
    writer.start()
    return writer


def test_what_was_taken_down_is_on_disk_after_close(tmp_path: Path) -> None:
    writer = AuditWriter(Chain(tmp_path / "audit"))
    writer.start()
    for number in range(100):
        writer("login", f"user:u{number}", session=number)
    writer.close()
    records: list[Record] = list(select(tmp_path / "audit", lambda record: True))
    assert [record.fields["session"] for record in records] == list(range(100))
    assert verify(tmp_path / "audit").broken is None


def test_what_was_taken_down_before_the_start_waits(tmp_path: Path) -> None:
    writer = AuditWriter(Chain(tmp_path / "audit"))
    writer("role-started", "tw")
    assert list(select(tmp_path / "audit", lambda record: True)) == []
    writer.start()
    writer.close()
    assert len(list(select(tmp_path / "audit", lambda record: True))) == 1


def test_the_caller_does_not_wait_for_a_disk_that_hangs() -> None:
    disk = Disk()
    disk.go.clear()
    writer = _writer(disk)
    for number in range(500):
        writer("login", f"user:u{number}")  # returns, or the test times out
    assert disk.attempts == 0
    disk.go.set()
    writer.close()
    assert sum(map(len, disk.written)) == 500
    assert len(disk.written) <= 3  # what waited was written at once


def test_what_finds_no_place_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_AUDIT_WAITING", 10)
    disk = Disk()
    disk.go.clear()
    writer = _writer(disk)
    for number in range(50):
        writer("login", f"user:u{number}")
    disk.go.set()
    writer.close()
    assert sum(map(len, disk.written)) + disk.told.count == 50
    assert disk.told.count >= 30


@pytest.mark.parametrize("head_too", [False, True])
def test_a_full_disk_is_told_once_and_the_gap_when_there_is_space(
    head_too: bool, caplog: pytest.LogCaptureFixture
) -> None:
    disk = Disk()
    disk.full, disk.head_too = True, head_too
    writer = _writer(disk)
    writer("login", "user:a")
    disk.wait(1)
    writer("login", "user:b")
    disk.wait(5)  # whose beginning is the end of those before
    assert writer.failing
    assert writer.state.lost == 2
    with disk.changed:
        disk.full = False
        disk.wait(disk.attempts + 1)  # without a new event
    writer.close()
    assert disk.told.count == 2
    assert caplog.text.count("cannot be written") == 1
    assert "No space left" in caplog.text
    assert caplog.text.count("is written again") == 1


def test_a_flood_is_told_in_the_end() -> None:
    disk = Disk()
    writer = _writer(disk)
    for _ in range(10_000):
        writer("login-refused", "stranger")
    writer.close()
    notes = [note for batch in disk.written for note in batch]
    assert len(notes) < 50
    counts = [note.fields.get("count", 1) for note in notes]
    assert sum(count for count in counts if isinstance(count, int)) == 10_000


def test_a_fault_of_ours_does_not_end_the_thread(caplog: pytest.LogCaptureFixture) -> None:
    class Faulty(Disk):
        def append(self, notes: Sequence[Note], lost: Loss = NOTHING_LOST) -> None:
            if self.attempts == 0:
                self.attempts += 1
                raise KeyError("oops")
            super().append(notes, lost)

    disk = Faulty()
    writer = _writer(disk)
    writer("login", "user:a")
    disk.wait(2)
    writer.close()
    assert disk.told.count == 1
    assert "unexpected failure" in caplog.text
