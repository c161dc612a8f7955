"""Files that change while we run."""

from __future__ import annotations

import asyncio
import errno
from pathlib import Path

import pytest

from tests.kit.clock import run
from tunnel_whisperer.base.errors import Misuse
from tunnel_whisperer.daemon.watch import file_stamp, watch


def test_a_stamp_tells_any_change_and_a_missing_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    missing = file_stamp([path])
    path.write_text("one")
    first = file_stamp([path])
    assert first != missing
    assert file_stamp([path]) == first
    replacement = tmp_path / "new"
    replacement.write_text("two")  # the same size
    replacement.rename(path)
    assert file_stamp([path]) != first


def test_a_change_is_told_once_within_a_second_and_a_bad_one_does_not_end_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    seen: list[int] = []
    value = 0

    def changed() -> None:
        seen.append(value)
        if value == 2:
            raise Misuse("bad-config", "no good")

    async def main() -> None:
        nonlocal value
        task = asyncio.get_running_loop().create_task(watch(lambda: value, changed, 0))
        await asyncio.sleep(10)
        assert seen == []
        for value in (1, 2, 3):  # noqa: B007 - read by the watcher
            await asyncio.sleep(1)
            await asyncio.sleep(5)
        assert seen == [1, 2, 3]
        task.cancel()
        await asyncio.wait((task,))

    run(main())
    assert "not taken over: no good" in caplog.text


def test_a_look_that_fails_is_told_once_and_the_change_is_seen_later(
    caplog: pytest.LogCaptureFixture,
) -> None:
    seen: list[int] = []
    value, files_left = 0, False

    def stamp() -> int:
        if not files_left:
            raise OSError(errno.EMFILE, "Too many open files")
        return value

    def changed() -> None:
        seen.append(value)
        if len(seen) == 1:
            raise OSError(errno.EMFILE, "Too many open files")
        if value == 2:
            raise KeyError("a fault of ours")

    async def main() -> None:
        nonlocal value, files_left
        task = asyncio.get_running_loop().create_task(watch(stamp, changed, 0))
        value = 1
        await asyncio.sleep(10)
        assert seen == []
        files_left = True
        await asyncio.sleep(10)
        assert seen == [1, 1]
        value = 2
        await asyncio.sleep(10)
        value = 3
        await asyncio.sleep(10)
        assert seen == [1, 1, 2, 3]
        task.cancel()
        await asyncio.wait((task,))

    run(main())
    assert caplog.text.count("cannot be seen: Too many open files") == 1
    assert caplog.text.count("a change is not taken over") == 1
