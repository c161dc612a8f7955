"""Ctrl-C while ``tw`` is still being loaded."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(sys.platform == "win32", reason="signals between processes are POSIX's"),
]

_SRC = Path(__file__).resolve().parents[2] / "src"

_INTERRUPTED_AT = """
import os, runpy, signal, sys

class AtImport:
    def find_spec(self, name, path=None, target=None):
        if name == {name!r}:
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, AtImport())
sys.argv[:] = ["tw", *sys.argv[1:]]
runpy.run_module("tunnel_whisperer", run_name="__main__")
"""


def _interrupted_at(name: str, *words: str, ignored: bool = False) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", _INTERRUPTED_AT.format(name=f"tunnel_whisperer.{name}"), *words],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "PYTHONPATH": str(_SRC)},
        preexec_fn=(lambda: signal.signal(signal.SIGINT, signal.SIG_IGN)) if ignored else None,
    )


@pytest.mark.parametrize("name", ["cli", "cli.main", "base.errors"])
def test_it_ends_without_a_word_before_there_is_anybody_to_say_it(name: str) -> None:
    done = _interrupted_at(name, "--help")
    assert (done.returncode, done.stdout, done.stderr) == (
        -signal.SIGINT,
        "",
        "",
    )


def test_it_is_told_as_soon_as_there_is(tmp_path: Path) -> None:
    done = _interrupted_at("cli.list_contexts", "list", "contexts", "--config-dir", str(tmp_path))
    assert (done.returncode, done.stderr) == (130, "tw: interrupted\n")


def test_a_background_job_that_ignores_it_goes_on(tmp_path: Path) -> None:
    done = _interrupted_at("cli.main", "list", "contexts", "--config-dir", str(tmp_path), ignored=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("no contexts yet")
