"""tw demo --once, as a newcomer runs it."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from tests.kit.command import Tw


def test_every_byte_comes_back_and_nothing_is_left(
    tw: Tw, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "t").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "t"))
    out = tw.ok("demo", "--once")
    assert [line.split(".")[0] for line in out.splitlines()] == [str(n) for n in range(1, 9)]
    assert "all right to the last byte" in out
    assert list((tmp_path / "t").iterdir()) == []


def test_a_target_that_does_not_listen_fails(tw: Tw) -> None:
    result = tw("demo", "--once", "--target", "127.0.0.1:1")
    assert result.status != 0
    assert "target-refused" in result.err
