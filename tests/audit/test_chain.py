"""What is on disk, whatever happened to it in between."""

from __future__ import annotations

import errno
import multiprocessing
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.profile import crash
from tests.profile.crash import every_kill, needs_fork
from tunnel_whisperer.audit.chain import Chain, audit_files
from tunnel_whisperer.audit.head import Head, Loss, read_head
from tunnel_whisperer.audit.reading import select, verify
from tunnel_whisperer.audit.record import Note, Record


def note(text: str = "x", at: float = 1_000_000_000.0) -> Note:
    return Note("login", f"user:{text}", at)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "audit"


def _all(directory: Path) -> list[Record]:
    return list(select(directory, lambda record: True))


def _events(directory: Path) -> list[str]:
    return [record.event for record in _all(directory)]


def test_each_record_holds_the_hash_of_the_one_before(directory: Path) -> None:
    chain = Chain(directory)
    chain.append([note("a"), note("b")])
    chain.append([note("c")])
    records = _all(directory)
    assert [(record.seq, record.who) for record in records] == [(1, "user:a"), (2, "user:b"), (3, "user:c")]
    assert records[0].prev == "0" * 64
    assert [record.prev for record in records[1:]] == [record.hash for record in records[:-1]]
    assert read_head(directory / "head") == Head(3, records[-1].hash)


def test_nobody_else_on_the_machine_may_read_it(directory: Path) -> None:
    Chain(directory).append([note()])
    assert {oct(path.stat().st_mode & 0o077) for path in [directory, *directory.iterdir()]} == {"0o0"}


def test_a_full_file_is_followed_by_another_that_carries_the_chain_on(directory: Path) -> None:
    chain = Chain(directory, file_bytes=500)
    for _ in range(6):
        chain.append([note()])
    files = audit_files(directory)
    assert len(files) > 2
    first = Record.parse(files[1].read_bytes().splitlines()[0])
    before = Record.parse(files[0].read_bytes().splitlines()[-1])
    assert (first.event, first.prev, first.fields["after"]) == ("continued", before.hash, files[0].name)
    assert verify(directory).broken is None
    assert verify(directory).records == 6 + len(files) - 1


def test_the_oldest_files_go_and_the_chain_tells_so(directory: Path) -> None:
    chain = Chain(directory, file_bytes=500, files_kept=3)
    for _ in range(20):
        chain.append([note()])
    files = audit_files(directory)
    assert len(files) == 3
    verdict = verify(directory)
    assert verdict.broken is None
    assert verdict.first_seq > 1
    files[0].unlink()
    broken = verify(directory).broken
    assert broken is not None and (broken.file, broken.line) == (files[1].name, 0)


@pytest.mark.parametrize("cut", range(1, 40))
def test_a_line_torn_by_a_power_cut_is_closed_and_told(cut: int, directory: Path) -> None:
    chain = Chain(directory)
    chain.append([note("a")])
    path = audit_files(directory)[0]
    whole = path.read_bytes()
    path.write_bytes(whole + note("b").record(2, "0" * 64).line()[:cut])
    assert verify(directory).broken is None  # it may be a write that is under way
    chain.append([note("c")])
    assert _events(directory) == ["login", "torn-line", "login"]
    assert _all(directory)[1].fields["bytes"] == cut
    assert verify(directory).broken is None
    assert verify(directory).records == 3


def test_a_record_that_lacks_its_line_end_alone_is_whole(directory: Path) -> None:
    chain = Chain(directory)
    chain.append([note("a"), note("b")])
    path = audit_files(directory)[0]
    path.write_bytes(path.read_bytes()[:-1])
    chain.append([note("c")])
    assert [record.who for record in _all(directory)] == ["user:a", "user:b", "user:c"]
    assert verify(directory).broken is None


def test_a_power_cut_right_behind_a_new_file_breaks_nothing(directory: Path) -> None:
    chain = Chain(directory, file_bytes=500)
    for _ in range(3):
        chain.append([note()])
    number = len(audit_files(directory)) + 1
    (directory / f"audit-{number:06}.jsonl").write_bytes(b'{"event":"conti')
    chain.append([note("after")])
    assert _events(directory)[-2:] == ["torn-line", "login"]
    assert verify(directory).broken is None


def test_a_tail_that_is_gone_is_told_by_the_next_record(directory: Path) -> None:
    chain = Chain(directory)
    chain.append([note("a"), note("b"), note("c")])
    path = audit_files(directory)[0]
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:2]))
    chain.append([note("d")])
    told = _all(directory)[2]
    assert (told.event, told.fields["expected_seq"]) == ("tail-missing", 3)
    broken = verify(directory).broken
    assert broken is not None and broken.line == 3


def test_a_last_record_that_was_replaced_is_told_too(directory: Path) -> None:
    chain = Chain(directory)
    chain.append([note("a")])
    path = audit_files(directory)[0]
    path.write_bytes(note("innocent").record(1, "0" * 64).line())
    chain.append([note("b")])
    assert _events(directory) == ["login", "tail-missing", "login"]


def test_losses_are_kept_in_the_head_until_a_gap_can_be_told(directory: Path) -> None:
    chain = Chain(directory)
    chain.append([note("a")])
    chain.lose(Loss(3, 1_000_000_001.0, 1_000_000_002.0))
    chain.lose(Loss(1, 1_000_000_003.0, 1_000_000_003.0))
    assert verify(directory).lost == Loss(4, 1_000_000_001.0, 1_000_000_003.0)
    chain.append([], Loss(1, 1_000_000_004.0, 1_000_000_004.0))
    gap = _all(directory)[-1]
    assert gap.event == "gap"
    assert gap.fields == {
        "count": 5,
        "since": "2001-09-09T01:46:41.000Z",
        "until": "2001-09-09T01:46:44.000Z",
    }
    assert verify(directory).lost.count == 0
    chain.append([])
    assert len(_all(directory)) == 2


def test_a_write_that_fails_half_way_is_taken_back(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chain = Chain(directory)
    chain.append([note("a")])
    before = audit_files(directory)[0].read_bytes()
    write: Callable[[int, Any], int] = os.write

    def half(fd: int, data: Any) -> int:
        monkeypatch.setattr(os, "write", full)
        return write(fd, bytes(data)[: len(data) // 2])

    def full(fd: int, data: Any) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", half)
    with pytest.raises(OSError, match="No space left"):
        chain.append([note("b"), note("c")])
    monkeypatch.undo()
    assert audit_files(directory)[0].read_bytes() == before
    chain.append([note("d")])
    assert _events(directory) == ["login", "login"]
    assert verify(directory).broken is None


@needs_fork
@pytest.mark.parametrize("file_bytes", [500, 10**6], ids=["a new file", "the same file"])
def test_killed_anywhere_the_chain_goes_on_from_what_is_there(
    file_bytes: int, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crash, "CHANGES", (*crash.CHANGES, "write", "ftruncate"))
    chain = Chain(directory, file_bytes=file_bytes, files_kept=3)

    def prepare() -> None:
        shutil.rmtree(directory, ignore_errors=True)
        for _ in range(9):
            chain.append([note("before")])

    for _ in every_kill(lambda: chain.append([note("during"), note("during")]), prepare):
        assert verify(directory).broken is None
        chain.append([note("after")])
        verdict = verify(directory)
        assert verdict.broken is None
        assert not {"tail-missing", "torn-line"} & set(_events(directory))
        whos = [record.who for record in _all(directory) if record.event == "login"]
        assert whos.count("user:during") in (0, 2)
        assert whos[-1] == "user:after"
        assert len(audit_files(directory)) <= 4  # one may be left until the next file is begun


def _append_many(directory: Path, name: str, count: int) -> None:
    chain = Chain(directory, file_bytes=5_000)
    for _ in range(count):
        chain.append([note(name)])


def test_two_processes_write_one_chain(directory: Path) -> None:
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=_append_many, args=(directory, name, 40)) for name in ("a", "b")]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(30)
        assert worker.exitcode == 0
    records = [record for record in _all(directory) if record.event == "login"]
    assert sorted(record.who for record in records) == ["user:a"] * 40 + ["user:b"] * 40
    assert verify(directory).broken is None


def test_a_record_longer_than_the_first_look_is_found(directory: Path) -> None:
    chain = Chain(directory)
    chain.append([Note("user-edited", "admin:root", 0.0, {"grants": ["g" * 1000] * 256})])
    chain.append([note("b")])
    assert verify(directory).broken is None
    assert _all(directory)[-1].seq == 2
