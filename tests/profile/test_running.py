from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.profile.crash import needs_fork
from tunnel_whisperer.base.errors import Misuse, render
from tunnel_whisperer.profile import Profile, running, who_runs

_HOLD = """
import sys, time
from pathlib import Path
from tunnel_whisperer.profile import Profile, running
with running(Profile(Path(sys.argv[1])), "tw serve"):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def _other_process(profile: Profile) -> Iterator[subprocess.Popen[str]]:
    child = subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(profile.directory)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert child.stdin is not None
    assert child.stdout is not None
    try:
        assert child.stdout.readline() == "held\n"
        yield child
    finally:
        child.stdin.close()
        child.wait(10)
        child.stdout.close()


@pytest.fixture
def profile(tmp_path: Path) -> Profile:
    return Profile(tmp_path / "p")


def _refusal(profile: Profile) -> Misuse:
    with (
        pytest.raises(Misuse) as caught,
        running(profile, "tw connect", sleep=lambda seconds: None),
    ):
        pass
    return caught.value


def test_nothing_runs_where_nothing_is(profile: Profile) -> None:
    assert who_runs(profile) is None
    assert not profile.directory.exists()


def test_who_runs_is_known_while_it_runs_and_not_after(profile: Profile) -> None:
    before = time.time()
    with running(profile, "tw serve"):
        who = who_runs(profile)
        assert who is not None
        assert (who.pid, who.command) == (os.getpid(), "tw serve")
        assert before <= who.since <= time.time()
    assert who_runs(profile) is None
    assert (profile.run / "lock").read_bytes() == b""


def test_a_second_one_is_told_who_runs(profile: Profile) -> None:
    with running(profile, "tw serve"):
        refusal = _refusal(profile)
    assert refusal.code == "already-running"
    assert f"tw serve (process {os.getpid()}, since 20" in render(refusal)
    with running(profile, "tw connect"):
        pass


def test_another_process_that_is_killed_holds_nothing(profile: Profile) -> None:
    with _other_process(profile) as other:
        who = who_runs(profile)
        assert who is not None
        assert who.pid == other.pid
        assert _refusal(profile).code == "already-running"
        other.send_signal(signal.SIGKILL)
        other.wait(10)
        assert "tw serve" in (profile.run / "lock").read_text()  # stale
        assert who_runs(profile) is None
        with running(profile, "tw connect"):
            who = who_runs(profile)
            assert who is not None
            assert who.command == "tw connect"


def test_a_look_meanwhile_does_not_keep_a_role_from_starting(profile: Profile) -> None:
    looking = running(profile, "a look")
    looking.__enter__()
    pauses: list[float] = []

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        looking.__exit__(None, None, None)

    with running(profile, "tw serve", sleep=sleep):
        assert len(pauses) == 1


@pytest.mark.parametrize(
    "note", ["", "{", "[]", "7", '{"pid": "x"}', json.dumps({"pid": 1, "command": "tw", "since": 10**400})]
)
def test_a_note_that_cannot_be_read_still_means_that_something_runs(profile: Profile, note: str) -> None:
    with running(profile, "tw serve"):
        (profile.run / "lock").write_text(note)
        who = who_runs(profile)
        assert who is not None
        assert str(who) == "another tw"
        assert "another tw serves this identity" in _refusal(profile).why


@needs_fork
@pytest.mark.skipif(os.geteuid() != 0, reason="takes another account")
def test_a_directory_of_another_account_is_refused_in_words(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    for parent in (tmp_path.parent, tmp_path.parent.parent):
        parent.chmod(0o755)
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.setuid(65534)
            refusal = _refusal(Profile(tmp_path / "p"))
            assert refusal.code == "state-not-written"
            assert refusal.hint
            assert who_runs(Profile(tmp_path / "p")) is None
            status = 0
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_a_place_without_locks_is_told_apart_from_a_running_role(
    profile: Profile, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(fd: int) -> None:
        raise OSError(37, "No locks available")

    monkeypatch.setattr(sys.modules[running.__module__], "_take", none)
    refusal = _refusal(profile)
    assert refusal.code == "state-not-written"
    assert "No locks available" in render(refusal)
    assert who_runs(profile) is None


def test_a_full_disk_keeps_nobody_from_serving(profile: Profile, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(fd: int, data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    profile.run.mkdir(parents=True)
    (profile.run / "lock").write_text('{"pid": 1, "command": "tw of yesterday", "since": 1.0}')
    monkeypatch.setattr(os, "write", full)
    with running(profile, "tw serve"):
        who = who_runs(profile)
        assert who is not None
        assert (who.pid, str(who)) == (0, "another tw")  # nobody is blamed who is gone
        assert "another tw" in render(_refusal(profile))
    assert who_runs(profile) is None
