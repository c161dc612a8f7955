"""``select`` and ``verify``: what is found, and where a chain is broken."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tunnel_whisperer.audit.chain import Chain, audit_files
from tunnel_whisperer.audit.reading import Broken, newest, select, verify
from tunnel_whisperer.audit.record import Note, Record

T0 = 1_000_000_000.0


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Nine records over three files and more."""
    for number in range(9):
        chain = Chain(tmp_path / "audit", file_bytes=600, wall_clock=lambda now=T0 + number: now)  # type: ignore[misc]
        chain.append([Note("login", f"user:u{number}", T0 + number)])
    return tmp_path / "audit"


def _edit(path: Path, line: int, new: bytes | None) -> None:
    lines = path.read_bytes().splitlines(keepends=True)
    lines[line - 1 : line] = [] if new is None else [new]
    path.write_bytes(b"".join(lines))


def _broken(directory: Path) -> Broken:
    broken = verify(directory).broken
    assert broken is not None
    return broken


def test_an_untouched_chain_holds(directory: Path) -> None:
    verdict = verify(directory)
    assert verdict.broken is None
    assert (verdict.first_seq, verdict.last_seq) == (1, verdict.records)


def test_the_first_broken_link_is_named_by_file_and_line(directory: Path) -> None:
    path = audit_files(directory)[1]
    lines = path.read_bytes().splitlines(keepends=True)
    _edit(path, 2, lines[1].replace(b"user:", b"User:"))
    broken = _broken(directory)
    assert (broken.file, broken.line) == (path.name, 2)
    assert "was changed" in broken.why


def test_a_record_made_anew_does_not_fit_the_next(directory: Path) -> None:
    path = audit_files(directory)[0]
    first, second = (Record.parse(line) for line in path.read_bytes().splitlines()[:2])
    forged = Note("login", "user:innocent", T0 + 1).record(2, first.hash)
    assert forged.seq == second.seq
    _edit(path, 2, forged.line())
    later = _broken(directory)
    assert (later.file, later.line) == (path.name, 3)
    assert later.why == "does not follow record 2: records are missing, or were put in"


@pytest.mark.parametrize("line", [1, 2])
def test_a_record_taken_out_is_missed(line: int, directory: Path) -> None:
    path = audit_files(directory)[1]
    _edit(path, line, None)
    assert _broken(directory).file == path.name


def test_the_first_records_cannot_be_taken_away(directory: Path) -> None:
    _edit(audit_files(directory)[0], 1, None)
    assert _broken(directory) == Broken("audit-000001.jsonl", 1, "is record 2: those before it are missing")
    audit_files(directory)[0].unlink()
    assert _broken(directory).line == 0


def test_a_file_taken_out_is_missed(directory: Path) -> None:
    files = audit_files(directory)
    files[1].unlink()
    assert _broken(directory) == Broken(files[2].name, 0, "file 2 is missing")


def test_a_tail_taken_away_is_missed_as_long_as_the_head_is_there(directory: Path) -> None:
    path = audit_files(directory)[-1]
    written = verify(directory).last_seq
    _edit(path, len(path.read_bytes().splitlines()), None)
    broken = _broken(directory)
    assert broken.why == f"ends with record {written - 1}, and {written} were written"
    (directory / "head").unlink()
    assert verify(directory).broken is None  # and that is why its hash should be noted elsewhere


def test_all_files_taken_away_are_missed(directory: Path) -> None:
    for path in audit_files(directory):
        path.unlink()
    assert _broken(directory).file == "head"


def test_a_chain_written_anew_lacks_the_hash_that_was_noted(directory: Path) -> None:
    noted = verify(directory).last_hash
    assert verify(directory, noted).holds_wanted
    Chain(directory).append([Note("login", "user:later", T0 + 60)])
    assert verify(directory, noted).holds_wanted
    for path in directory.iterdir():
        path.unlink()
    Chain(directory).append([Note("login", "user:innocent", T0)])
    verdict = verify(directory, noted)
    assert verdict.broken is None
    assert not verdict.holds_wanted


def test_rubbish_is_no_torn_line_unless_the_chain_says_so(directory: Path) -> None:
    path = audit_files(directory)[-1]
    path.write_bytes(path.read_bytes() + b"rubbish\n")
    assert _broken(directory).why == "is not a record"
    Chain(directory).append([Note("login", "user:later", T0 + 60)])
    assert verify(directory).broken is None  # told by a record, with its hash
    path = audit_files(directory)[-1]
    path.write_bytes(path.read_bytes().replace(b"rubbish", b"rubbitch"))
    assert _broken(directory).why == "is not a record"


def test_a_file_that_goes_while_it_is_read_is_no_fault(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The oldest one goes when a new one is begun."""
    real = audit_files
    times = iter([True, False, True])

    def listed(path: Path) -> list[Path]:
        gone = path / "audit-000000.jsonl"
        return [gone, *real(path)] if next(times) else real(path)

    monkeypatch.setattr("tunnel_whisperer.audit.reading.audit_files", listed)
    assert verify(directory).broken is None
    assert len(list(select(directory, lambda record: record.event == "login"))) == 9


def test_nothing_at_all_is_no_fault(tmp_path: Path) -> None:
    verdict = verify(tmp_path / "audit")
    assert (verdict.records, verdict.broken) == (0, None)
    assert list(select(tmp_path / "audit", lambda record: True)) == []


def test_records_are_selected_by_what_they_say_and_by_time(directory: Path) -> None:
    def names(since: str = "") -> list[str]:
        wanted = select(directory, lambda record: record.event == "login", since=since)
        return [record.who for record in wanted]

    assert names() == [f"user:u{number}" for number in range(9)]
    assert names(since="2001-09-09T01:46:46.000Z") == ["user:u6", "user:u7", "user:u8"]
    path = audit_files(directory)[0]
    path.write_bytes(b"not a record\n" + path.read_bytes())
    assert len(names()) == 9


def test_a_record_can_be_checked_without_us(directory: Path) -> None:
    """What docs/how-to/audit.md tells other programs to do."""
    import hashlib

    prev = "0" * 64
    for path in audit_files(directory):
        for line in path.read_text().splitlines():
            value = json.loads(line)
            claimed = value.pop("hash")
            assert value["prev"] == prev
            text = json.dumps(value, sort_keys=True, separators=(",", ":"))
            prev = hashlib.sha256(text.encode()).hexdigest()
            assert prev == claimed


def test_the_newest_come_first_and_before_any_number(directory: Path) -> None:
    everything = list(select(directory, lambda record: True))
    assert list(newest(directory)) == everything[::-1]
    for record in everything:
        older = [other for other in everything[::-1] if other.seq < record.seq]
        assert list(newest(directory, before=record.seq)) == older
    since = everything[5].time
    assert list(newest(directory, since=since)) == [x for x in everything[::-1] if x.time >= since]


def test_what_is_no_record_is_left_out_from_behind_too(directory: Path) -> None:
    path = audit_files(directory)[-1]
    with path.open("ab") as file:
        file.write(b'{"half')
    assert next(newest(directory)).who == "user:u8"
    assert list(newest(directory / "missing")) == []
