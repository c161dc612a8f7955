"""What a running role leaves for others to see."""

from __future__ import annotations

import asyncio
import json
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.kit.clock import real_run, run
from tunnel_whisperer.base.errors import Unreachable
from tunnel_whisperer.daemon import snapshot
from tunnel_whisperer.daemon.snapshot import (
    HEARTBEAT_S,
    error_value,
    keep_snapshot,
    read_snapshot,
    users_online,
    wall_time,
)
from tunnel_whisperer.profile import Profile, running

SERVER = {"role": "server", "sessions": [{"user": "alice"}, {"user": "bob"}, {"user": "alice"}]}


@pytest.fixture
def profile(tmp_path: Path) -> Profile:
    return Profile(tmp_path)


class Disk:
    """Takes what is written; full when it is told so."""

    def __init__(self) -> None:
        self.texts: list[dict[str, Any]] = []
        self.full = False

    def __call__(self, path: Path, text: str) -> None:
        if self.full:
            raise OSError(28, "No space left on device")
        self.texts.append(json.loads(text))


async def _here(work: Callable[..., None], *args: Any) -> None:
    """No thread: the virtual clock would not wait for it."""
    work(*args)


def _left_by(profile: Profile, **value: Any) -> Path:
    profile.run.mkdir(exist_ok=True)
    path = profile.run / "state.json"
    path.write_text(json.dumps({"format": 1, "pid": os.getpid(), **value}))
    return path


def test_what_runs_is_told_and_what_was_left_behind_is_not(profile: Profile) -> None:
    assert read_snapshot(profile) is None
    _left_by(profile, **SERVER)
    assert read_snapshot(profile) is None, "nobody holds the lock"
    with running(profile, "tw serve"):
        found = read_snapshot(profile)
        assert found is not None and found["role"] == "server"
        _left_by(profile, pid=1, role="server")
        assert read_snapshot(profile) is None, "another process wrote it"


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": 2}', "[" * 100_000, "\xff"])
def test_a_damaged_or_newer_file_tells_nothing(text: str, profile: Profile) -> None:
    with running(profile, "tw serve"):
        (profile.run / "state.json").write_text(text, encoding="latin-1")
        assert read_snapshot(profile) is None


def test_users_are_online_as_long_as_the_server_runs(profile: Profile) -> None:
    _left_by(profile, **SERVER)
    assert users_online(profile) is None
    with running(profile, "tw serve"):
        assert users_online(profile) == {"alice", "bob"}
        _left_by(profile, role="client")
        assert users_online(profile) is None


def test_it_is_written_when_it_changes_at_most_once_a_second_and_as_a_heartbeat(profile: Profile) -> None:
    disk = Disk()
    value = 0

    async def main() -> None:
        nonlocal value
        loop = asyncio.get_running_loop()
        task = loop.create_task(
            keep_snapshot(profile, lambda: {"value": value}, write=disk, wall_clock=loop.time, aside=_here)
        )
        await asyncio.sleep(4.5)
        assert [text["value"] for text in disk.texts] == [0]
        for value in range(1, 30):  # noqa: B007 - read by the callable
            await asyncio.sleep(0.1)
        assert 2 <= len(disk.texts) <= 5
        await asyncio.sleep(1)
        assert disk.texts[-1]["value"] == 29
        count = len(disk.texts)
        await asyncio.sleep(HEARTBEAT_S + 1)
        assert len(disk.texts) == count + 1
        assert disk.texts[-1]["written"] - disk.texts[-2]["written"] >= HEARTBEAT_S
        task.cancel()
        await asyncio.wait((task,))

    run(main())


def test_a_full_disk_is_told_once_and_what_was_missed_is_written_later(
    profile: Profile, caplog: pytest.LogCaptureFixture
) -> None:
    disk = Disk()

    async def main() -> None:
        loop = asyncio.get_running_loop()
        task = loop.create_task(keep_snapshot(profile, lambda: {"a": 1}, write=disk, aside=_here))
        disk.full = True
        await asyncio.sleep(30)
        assert disk.texts == []
        disk.full = False
        await asyncio.sleep(2)
        assert disk.texts[-1]["a"] == 1
        task.cancel()
        await asyncio.wait((task,))

    run(main())
    assert caplog.text.count("No space left") == 1


def test_the_file_goes_with_the_process_and_is_nobody_elses_to_read(
    profile: Profile, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = profile.run / "state.json"
    monkeypatch.setattr(snapshot, "INTERVAL_S", 0.01)

    async def main() -> None:
        task = asyncio.get_running_loop().create_task(keep_snapshot(profile, lambda: {"role": "relay"}))
        while not path.exists():
            await asyncio.sleep(0.01)
        assert json.loads(path.read_text())["role"] == "relay"
        assert path.stat().st_mode & 0o077 == 0
        assert os.listdir(profile.run) == ["state.json"]
        task.cancel()
        await asyncio.wait((task,))
        assert os.listdir(profile.run) == []

    real_run(main())


def test_a_directory_that_is_gone_is_not_made_again(tmp_path: Path) -> None:
    async def main() -> None:
        gone = Profile(tmp_path / "gone")
        task = asyncio.get_running_loop().create_task(keep_snapshot(gone, dict, aside=_here))
        await asyncio.sleep(3)
        task.cancel()
        await asyncio.wait((task,))

    run(main())
    assert not (tmp_path / "gone").exists()


def test_whoever_cancels_waits_until_the_thread_has_written(profile: Profile) -> None:
    begun, may_end = threading.Event(), threading.Event()
    ended = []

    def slowly(path: Path, text: str) -> None:
        begun.set()
        may_end.wait(10)
        ended.append(path)

    async def main() -> None:
        loop = asyncio.get_running_loop()
        task = loop.create_task(keep_snapshot(profile, dict, write=slowly))
        await asyncio.to_thread(begun.wait, 10)
        task.cancel()
        loop.call_later(0.05, may_end.set)
        await asyncio.wait((task,))
        assert ended

    real_run(main())


def test_errors_and_times_are_plain_values() -> None:
    assert error_value(None) is None
    error = Unreachable("timeout", "nothing came", where="relay.test:443", hint="wait")
    assert error_value(error) == {"code": "timeout", "why": "relay.test:443: nothing came", "hint": "wait"}

    async def main() -> None:
        assert wall_time(asyncio.get_running_loop().time() - 5) == pytest.approx(time.time() - 5, abs=1)

    run(main())
