from __future__ import annotations

import stat
from pathlib import Path

import pytest

from tunnel_whisperer.api.gate.stored import StoredFile
from tunnel_whisperer.base.errors import Misuse
from tunnel_whisperer.base.limits import MAX_KEYS_BYTES


@pytest.fixture
def file(tmp_path: Path) -> StoredFile:
    return StoredFile(tmp_path / "dashboard" / "x.json")


def _code(file: StoredFile) -> str:
    with pytest.raises(Misuse) as caught:
        file.read()
    assert caught.value.where == str(file.path)
    return caught.value.code


def test_what_is_written_is_read(file: StoredFile) -> None:
    assert file.read() is None
    assert file.stamp() is None
    with file.locked():
        file.write({"a": [1, "ü"]})
    assert file.read() == {"format": 1, "a": [1, "ü"]}
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600


def test_the_stamp_tells_each_replacement(file: StoredFile) -> None:
    file.write({"a": 1})
    first = file.stamp()
    assert file.stamp() == first
    file.write({"a": 1})
    assert file.stamp() != first
    file.remove()
    assert file.stamp() is None
    file.remove()


@pytest.mark.parametrize("content", ["", "x", "[]", "5", "{}", '{"format": 0}', '{"format": 2}', '{"format": true}', "\xff"])  # fmt: skip
def test_another_content_is_refused(file: StoredFile, content: str) -> None:
    file.write({})
    file.path.write_bytes(content.encode("latin-1"))
    assert _code(file) == "bad-record"


def test_an_endless_file_is_refused(file: StoredFile) -> None:
    file.write({"a": "x" * MAX_KEYS_BYTES})
    assert _code(file) == "bad-record"


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_a_file_that_others_may_write_is_refused(file: StoredFile, mode: int) -> None:
    file.write({})
    file.path.chmod(mode)
    assert _code(file) == "bad-record"


def test_what_is_no_file_cannot_be_read(file: StoredFile) -> None:
    file.path.mkdir(parents=True)
    assert _code(file) == "file-unreadable"
