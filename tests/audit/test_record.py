"""One record: what it holds, and what betrays a change."""

from __future__ import annotations

import hashlib
import json

import pytest

from tunnel_whisperer.audit.record import START, Note, Record, clean, stamp


def _record(**fields: object) -> Record:
    return Note("login", "user:alice", 1_000_000_000.5, fields).record(1, START)  # type: ignore[arg-type]


def test_the_hash_is_that_of_the_line_without_it() -> None:
    line = _record(session=7).line()
    without = json.loads(line)
    claimed = without.pop("hash")
    text = json.dumps(without, sort_keys=True, separators=(",", ":"))
    assert claimed == hashlib.sha256(text.encode()).hexdigest()
    assert without["time"] == "2001-09-09T01:46:40.500Z"


def test_what_was_written_is_read_back() -> None:
    record = _record(target="a:1", names=["x", "ö"], nothing=None, yes=True)
    assert Record.parse(record.line()) == record
    assert record.line().isascii()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"alice", b"mallo"),
        (b'"seq":1', b'"seq":2'),
        (b":7}", b":8}"),
        (b"login", b"logit"),
        (b'"who":', b'"who": '),
    ],
)
def test_a_changed_line_is_none(old: bytes, new: bytes) -> None:
    line = _record(session=7).line()
    assert old in line
    with pytest.raises(ValueError, match="was changed"):
        Record.parse(line.replace(old, new))


@pytest.mark.parametrize(
    "line", [b"", b"{}", b"[]", b"null", b'{"seq":', b"\xff\xfe", b"[" * 100_000, b'{"a":1}', b"x" * 100]
)
def test_a_line_of_something_else_is_none(line: bytes) -> None:
    with pytest.raises(ValueError, match="is not a record"):
        Record.parse(line)


def test_what_a_peer_says_is_bounded_and_one_line() -> None:
    record = _record(reason="x\n" * 10_000, items=["y"] * 1000, odd="\ud800")
    line = record.line()
    assert line.count(b"\n") == 1
    assert len(line) < 5000
    assert Record.parse(line) == record


def test_secrets_are_not_recorded() -> None:
    assert "password" not in clean("http://user:password@proxy:3128")


def test_an_event_that_nobody_has_explained_is_a_bug() -> None:
    with pytest.raises(AssertionError):
        Note("something-else", "tw", 0.0)


def test_times_sort_as_text() -> None:
    assert stamp(0) == "1970-01-01T00:00:00.000Z"
    assert stamp(999_999_999.999) < stamp(1_000_000_000)
