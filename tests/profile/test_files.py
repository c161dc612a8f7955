from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from tests.profile.crash import fill_disk, killed_at, needs_fork, snapshot
from tunnel_whisperer.base.errors import Misuse, render
from tunnel_whisperer.profile import (
    Profile,
    ensure_directory,
    locked,
    remove_file,
    write_file,
    write_files,
    write_new_files,
)
from tunnel_whisperer.profile.files import hold_lock


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def umask_022() -> object:
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.mark.usefixtures("umask_022")
def test_files_are_0600_and_directories_0700_whatever_the_umask(tmp_path: Path) -> None:
    profile = Profile(tmp_path / "a" / "b")
    profile.ensure()
    write_file(profile.config, "x")
    with locked(profile):
        pass
    assert _mode(profile.directory) == 0o700
    assert _mode(profile.config) == 0o600
    assert _mode(profile.lock_file) == 0o600
    write_file(profile.public_key, "x", mode=0o644)
    assert _mode(profile.public_key) == 0o644


@pytest.mark.usefixtures("umask_022")
def test_directories_above_a_new_one_are_as_closed_as_it_is(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    ensure_directory(tmp_path / "a" / "b" / "c")
    assert [_mode(tmp_path / x) for x in (".", "a", "a/b", "a/b/c")] == [0o755, 0o700, 0o700, 0o700]


def test_a_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "f"
    write_file(path, b"one")
    with path.open("rb") as old:
        write_file(path, "zwei \N{SNOWMAN}")
        assert old.read() == b"one"
    assert snapshot(tmp_path) == {"f": "zwei \N{SNOWMAN}".encode()}


@pytest.mark.parametrize("name", ["fsync", "replace"])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EDQUOT, errno.EIO])
def test_a_failed_write_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, code: int
) -> None:
    path = tmp_path / "f"
    write_file(path, b"old")
    fill_disk(monkeypatch, 1, name, code)
    with pytest.raises(Misuse) as caught:
        write_file(path, b"new")
    assert caught.value.code == "state-not-written"
    assert render(caught.value) == (
        f"tw: state-not-written: {path}: {os.strerror(code)}; what was there before still stands"
        " (try: check free space and permissions, then do it again)"
    )
    assert snapshot(tmp_path) == {"f": b"old"}


@pytest.mark.parametrize("name", ["fsync", "replace"])
@pytest.mark.parametrize("step", [1, 2, 3])
def test_several_files_change_together_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, step: int
) -> None:
    old: dict[Path, bytes | str] = {tmp_path / "a": b"1", tmp_path / "c": b"3"}
    write_files(old)
    fill_disk(monkeypatch, step, name)
    with pytest.raises(Misuse):
        write_files({tmp_path / "a": b"new", tmp_path / "b": b"new", tmp_path / "c": b"new"})
    assert snapshot(tmp_path) == {"a": b"1", "c": b"3"}


def test_a_directory_that_cannot_be_synced_is_no_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill_disk(monkeypatch, 2, "fsync", errno.EINVAL)
    write_file(tmp_path / "f", b"new")
    assert snapshot(tmp_path) == {"f": b"new"}


@needs_fork
def test_a_killed_write_leaves_the_old_or_the_new_file(tmp_path: Path) -> None:
    path = tmp_path / "f"
    seen = set()
    for step in (1, 2, 3, 4):
        path.write_bytes(b"old")
        killed_at(step, lambda: write_file(path, b"new"))
        seen.add(path.read_bytes())
    assert seen == {b"old", b"new"}


def test_a_missing_directory_and_a_file_in_its_place(tmp_path: Path) -> None:
    with pytest.raises(Misuse, match="No such file"):
        write_file(tmp_path / "no" / "f", b"x")
    (tmp_path / "file").touch()
    for act, path in ((ensure_directory, tmp_path / "file"), (remove_file, tmp_path)):
        with pytest.raises(Misuse) as caught:
            act(path)
        assert caught.value.code == "state-not-written"


def test_removing_what_is_not_there_is_done_already(tmp_path: Path) -> None:
    write_file(tmp_path / "f", b"x")
    remove_file(tmp_path / "f")
    remove_file(tmp_path / "f")
    assert snapshot(tmp_path) == {}


class Clock:
    """Time that passes by sleeping only."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@needs_fork
def test_two_processes_take_turns(tmp_path: Path) -> None:
    profile = Profile(tmp_path)
    counter = tmp_path / "counter"
    counter.write_text("0")

    def add(times: int) -> None:
        for _ in range(times):
            with locked(profile):
                write_file(counter, str(int(counter.read_text()) + 1))

    child = os.fork()
    if child == 0:
        status = 1
        try:
            add(40)
            status = 0
        finally:
            os._exit(status)
    add(40)
    assert os.waitpid(child, 0)[1] == 0
    assert counter.read_text() == "80"


@needs_fork
def test_a_lock_that_is_never_freed_is_given_up_after_ten_seconds_and_freed_by_death(tmp_path: Path) -> None:
    profile = Profile(tmp_path)
    ready, tell = os.pipe()
    wait, release = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            with locked(profile):
                os.write(tell, b"x")
                os.close(release)
                os.read(wait, 1)  # the end, when the parent closes its side
        finally:
            os._exit(0)
    os.read(ready, 1)
    clock = Clock()
    with pytest.raises(Misuse) as caught, hold_lock(profile.lock_file, clock=clock, sleep=clock.sleep):
        raise AssertionError
    assert render(caught.value) == (
        f"tw: timeout: {tmp_path}: another tw is changing this directory"
        " (try: wait until it has ended, then do it again)"
    )
    assert clock.now == pytest.approx(10, abs=0.2)
    for fd in (wait, release, ready, tell):
        os.close(fd)
    os.waitpid(child, 0)
    with hold_lock(profile.lock_file, 0):
        pass


def test_a_step_under_the_lock_may_take_it_again(tmp_path: Path) -> None:
    profile = Profile(tmp_path)
    with locked(profile):
        with locked(profile):
            pass
        with locked(Profile(tmp_path / "other")):
            pass


def test_an_error_under_the_lock_frees_it(tmp_path: Path) -> None:
    profile = Profile(tmp_path)
    with pytest.raises(RuntimeError), locked(profile):
        raise RuntimeError
    with hold_lock(profile.lock_file, 0):
        pass


def test_new_files_are_written_into_directories_of_their_own_and_never_over_others(tmp_path: Path) -> None:
    write_new_files({tmp_path / "a" / "b" / "c": b"1", tmp_path / "a" / "d": b"2"})
    assert snapshot(tmp_path) == {"a/b/c": b"1", "a/d": b"2"}
    assert [_mode(tmp_path / x) for x in ("a", "a/b", "a/d")] == [0o700, 0o700, 0o600]
    with pytest.raises(Misuse) as caught:
        write_new_files({tmp_path / "a" / "d": b"3"})
    assert caught.value.code == "state-not-written"
    assert (tmp_path / "a" / "d").read_bytes() == b"2"
