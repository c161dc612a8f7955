"""What every zip from outside is checked for; each of our own formats is checked in its own test."""

from __future__ import annotations

import io
import stat
import struct
import time
import zipfile
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunnel_whisperer.base.errors import Misuse
from tunnel_whisperer.bundle.archive import Accepted, pack, unpack

ACCEPTED = Accepted(lambda name: name in ("a", "b", "d/c"), 100_000, 500, "there are 3 files")


def _zip(files: Mapping[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    result = io.BytesIO()
    with zipfile.ZipFile(result, "w", compression) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return result.getvalue()


def _refused(data: bytes) -> str:
    began = time.monotonic()
    with pytest.raises(Misuse) as caught:
        unpack(data, ACCEPTED)
    assert time.monotonic() - began < 1
    assert caught.value.code == "bad-bundle"
    assert caught.value.hint
    return str(caught.value)


def test_what_was_packed_is_unpacked_and_the_same_content_gives_the_same_bytes() -> None:
    files = {"a": b"1", "d/c": bytes(1000), "b": b""}
    assert unpack(pack(files), ACCEPTED) == files
    assert pack(files) == pack(dict(files))
    with zipfile.ZipFile(io.BytesIO(pack(files))) as archive:
        assert [stat.S_IMODE(x.external_attr >> 16) for x in archive.infolist()] == [0o600] * 3


def test_a_comment_at_the_end_is_no_fault() -> None:
    result = io.BytesIO(_zip({"a": b"1"}))
    with zipfile.ZipFile(result, "a") as archive:
        archive.comment = b"x" * 65535
    assert unpack(result.getvalue(), ACCEPTED) == {"a": b"1"}


@pytest.mark.parametrize(
    "name",
    ["../a", "/a", "./a", "d/../a", "c:\\a", "d\\c", "\\\\host\\a", "A", "d", "d/c/", "a\n", "\u202ea"],
)
def test_a_name_that_was_not_asked_for_is_refused(name: str) -> None:
    assert _refused(_zip({"b": b"", name: b"x"}))


def test_a_name_that_differs_in_case_alone_is_there_twice() -> None:
    accepted = Accepted(lambda name: True, 1000, 10, "")
    with pytest.raises(Misuse, match="there twice"):
        unpack(_zip({"x": b"", "X": b""}), accepted)


def test_a_link_is_refused() -> None:
    result = io.BytesIO()
    with zipfile.ZipFile(result, "w") as archive:
        info = zipfile.ZipInfo("a")
        info.create_system, info.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
        archive.writestr(info, "/etc/shadow")
    assert "not a plain file" in _refused(result.getvalue())


def test_ten_thousand_entries_are_refused_at_once() -> None:
    assert "there are 3 files" in _refused(_zip({"a": b"", **{f"x{n}": b"" for n in range(700)}}))
    accepted = Accepted(lambda name: True, 10**7, 500, "there are 3 files")
    began = time.monotonic()
    data = _zip({f"a-longer-name-{n}": b"" for n in range(10_000)})
    made = time.monotonic() - began
    began = time.monotonic()
    with pytest.raises(Misuse, match="there are 3 files, this one far more"):
        unpack(data, accepted)
    assert time.monotonic() - began < max(0.05, made / 10)


def test_a_zip_of_the_64_bit_kind_is_refused() -> None:
    data = _zip({"a": b"1"})
    at = data.rindex(b"PK\x05\x06")
    assert "far more" in _refused(data[:at] + b"PK\x06\x07" + bytes(16) + data[at:])


def test_entries_that_share_their_bytes_do_not_add_up() -> None:
    """David Fifield's bomb: many entries of the directory on one compressed block."""
    block = _zip({"a": bytes(90_000)}, zipfile.ZIP_DEFLATED)
    at, end = block.index(b"PK\x01\x02"), block.rindex(b"PK\x05\x06")
    entry = block[at:end]
    entries = [entry, entry.replace(b"a", b"b")]
    directory = b"".join(entries)
    tail = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 2, 2, len(directory), at, 0)
    assert _refused(block[:at] + directory + tail)


@given(st.binary(max_size=200), st.integers(0, 300), st.integers(0, 60))
def test_any_damage_gives_bad_bundle_or_files_that_were_asked_for(insert: bytes, at: int, cut: int) -> None:
    data = _zip({"a": b"content", "d/c": b"more"})
    at %= len(data)
    try:
        files = unpack(data[:at] + insert + data[at + cut :], ACCEPTED)
    except Misuse as exc:
        assert exc.code == "bad-bundle"  # noqa: PT017 - some changes are harmless
    else:
        assert set(files) <= {"a", "b", "d/c"}
