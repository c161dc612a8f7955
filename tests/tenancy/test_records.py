"""Records are read strictly: each field in its kind and range, once, and nothing else."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunnel_whisperer.base.errors import Misuse, render
from tunnel_whisperer.tenancy.records import RecordReader, format_record


def _reader(data: str | bytes, limit: int = 1024) -> RecordReader:
    return RecordReader(data, limit=limit, code="bad-record", where="user.json", what="record of a user")


def _of(**fields: Any) -> RecordReader:
    return _reader(format_record(fields))


def _fault(call: Callable[[], object]) -> str:
    with pytest.raises(Misuse) as caught:
        call()
    assert caught.value.code == "bad-record"
    assert caught.value.where == "user.json"
    return caught.value.why


def test_what_is_written_is_read_back() -> None:
    owner = uuid.uuid4()
    reader = _of(
        kind="user", name="Zo\u00eb \U0001f511", port=20000, made=1.5, ends=None, single=True, id=str(owner), grants=[1]
    )  # fmt: skip
    reader.kind("user")
    assert reader.text("name") == "Zo\u00eb \U0001f511"
    assert reader.number("port", 1, 65535) == 20000
    assert reader.moment("made") == 1.5
    assert reader.optional_moment("ends") is None
    assert reader.flag("single") is True
    assert reader.uuid("id") == owner
    assert reader.items("grants", 1) == [1]
    reader.end()


def test_a_record_is_ascii_text_for_people() -> None:
    text = format_record({"name": "Zo\u00eb"})
    assert text.isascii()
    assert text == '{\n  "format": 1,\n  "name": "Zo\\u00eb"\n}\n'


@pytest.mark.parametrize(
    ("value", "take"),
    [
        (1, lambda r: r.text("x")),
        (None, lambda r: r.text("x")),
        ("a" * 11, lambda r: r.text("x", 10)),
        (True, lambda r: r.number("x", 0, 9)),
        (1.0, lambda r: r.number("x", 0, 9)),
        ("1", lambda r: r.number("x", 0, 9)),
        (10, lambda r: r.number("x", 0, 9)),
        (-1, lambda r: r.number("x", 0, 9)),
        (True, lambda r: r.moment("x")),
        (-0.1, lambda r: r.moment("x")),
        (253402300800, lambda r: r.moment("x")),  # the first second of the year 10000
        (1e400, lambda r: r.moment("x")),
        (None, lambda r: r.moment("x")),
        ("soon", lambda r: r.optional_moment("x")),
        (1, lambda r: r.flag("x")),
        ("true", lambda r: r.flag("x")),
        (uuid.UUID(int=7).hex, lambda r: r.uuid("x")),
        (f"urn:uuid:{uuid.UUID(int=7)}", lambda r: r.uuid("x")),
        (f"{{{uuid.UUID(int=7)}", lambda r: r.uuid("x")),
        ("nobody", lambda r: r.uuid("x")),
        ({}, lambda r: r.items("x", 9)),
        ([1, 2], lambda r: r.items("x", 1)),
    ],
)
def test_a_value_of_another_kind_or_range_is_refused_by_name(
    value: object, take: Callable[[RecordReader], object]
) -> None:
    text = json.dumps({"format": 1, "x": value}).replace("Infinity", "1e400")
    assert _fault(lambda: take(_reader(text))).startswith("x: ")


def test_a_missing_field_a_field_too_many_and_a_field_twice_are_refused() -> None:
    assert _fault(lambda: _of(a=1).text("b")) == "b: is missing"
    assert _fault(lambda: _of(b=1, a=2).end()) == "a: is not a field of it"
    assert _fault(lambda: _reader('{"format": 1, "a": 1, "a": 2}')) == "a field is there twice"
    assert _fault(lambda: _reader('{"format": 1, "a": {"b": 1, "b": 2}}')) == "a field is there twice"


def test_a_field_is_taken_once() -> None:
    reader = _of(a="x")
    reader.text("a")
    assert _fault(lambda: reader.text("a")) == "a: is missing"


def test_a_file_of_another_kind_is_named_as_that() -> None:
    assert (
        _fault(lambda: _of(kind="join-request").kind("user"))
        == "kind: this is a 'join-request', not a 'user'"
    )


def test_a_newer_format_is_not_guessed_at() -> None:
    with pytest.raises(Misuse) as caught:
        _reader('{"format": 2, "anything": []}')
    assert render(caught.value) == (
        "tw: bad-record: user.json: format: written by a newer tw (format 2, this one reads 1) (try: update tw on this"
        " machine)"
    )


@pytest.mark.parametrize(
    "data",
    [
        "", "[]", "1", "null", "{", '{"format": 1}x', '{"format": 1, "a": NaN}', '{"format": 1, "a": Infinity}',
        b"\xff\xfe", b'{"format": 1, "a": "\xff"}', "[" * 100_000, '{"format": 1, "a": "\ud800"}', "\0",
    ],
)  # fmt: skip
def test_what_is_no_record_is_refused(data: str | bytes) -> None:
    assert "no record of a user" in _fault(lambda: _reader(data, limit=1 << 20))


def test_a_text_with_half_a_surrogate_pair_is_no_text() -> None:
    assert _fault(lambda: _reader('{"format": 1, "a": "\\ud800"}').text("a")) == "a: is not text"


def test_a_file_that_is_too_long_is_not_parsed() -> None:
    assert _fault(lambda: _reader(" " * 2049, limit=2048)) == "more than 2 KiB are no record of a user"
    _reader(format_record({}) + " " * 1000, limit=2048).end()


def test_windows_byte_order_marks_are_read() -> None:
    _reader(b"\xef\xbb\xbf" + format_record({}).encode()).end()


@given(st.binary(max_size=80) | st.text(max_size=80))
def test_whatever_the_bytes_nothing_but_misuse_comes_out(data: str | bytes) -> None:
    try:
        _reader(data).end()
    except Misuse as exc:
        caught = exc.code
    else:
        caught = "bad-record"
    assert caught == "bad-record"
