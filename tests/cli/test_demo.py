"""tw demo --once, as a newcomer runs it."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import tempfile
from pathlib import Path

import pytest

from tests.kit.command import Tw
from tunnel_whisperer.daemon.demo import Demo


def test_every_byte_comes_back_and_nothing_is_left(
    tw: Tw, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "t").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "t"))
    out = tw.ok("demo", "--once")
    assert [line.split(".")[0] for line in out.splitlines()] == [str(n) for n in range(1, 9)]
    assert "all right to the last byte" in out
    assert list((tmp_path / "t").iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="no signals on Windows")
def test_who_interrupts_it_before_the_check_is_not_told_that_it_worked(
    tw: Tw, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def interrupted(self: Demo) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        await asyncio.Event().wait()

    monkeypatch.setattr(Demo, "check", interrupted)
    result = tw("demo", "--once")
    assert (result.status, result.err) == (130, "tw: interrupted\n")


def test_a_target_that_does_not_listen_fails(tw: Tw) -> None:
    result = tw("demo", "--once", "--target", "127.0.0.1:1")
    assert result.status != 0
    assert "target-refused" in result.err
