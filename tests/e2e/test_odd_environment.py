"""Where commands run is not always a tidy shell: one line of error there, too, and no traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tunnel_whisperer.profile import Profile
from tunnel_whisperer.tenancy import make_relay_identity

SRC = Path(__file__).resolve().parents[2] / "src"

COMMANDS = (("--help",), ("status",), ("connect", "gone.zip"))

Run = Callable[..., None]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs all of ``COMMANDS`` and looks at what they say."""
    make_relay_identity(Profile(tmp_path / "config"), "relay.test")
    (tmp_path / "here").mkdir()

    def all_commands(environment: dict[str, str], *, shell: str = 'exec "$@"') -> None:
        base = {
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path),
            "PYTHONPATH": str(SRC),
            "TW_CONFIG_DIR": str(tmp_path / "config"),
        }
        env = {name: value for name, value in {**base, **environment}.items() if value != "(not set)"}
        for words in COMMANDS:
            done = subprocess.run(
                ["sh", "-c", shell, "sh", sys.executable, "-m", "tunnel_whisperer", *words],
                capture_output=True,
                text=True,
                errors="replace",
                env=env,
                cwd=tmp_path / "here",
                stdin=subprocess.DEVNULL,
                timeout=60,
            )
            said = done.stdout + done.stderr
            assert done.returncode in (0, 2), (words, said)
            assert "Traceback" not in said and "Exception ignored" not in said, (words, said)
            if done.returncode == 2 and "2>&-" not in shell:
                (line,) = done.stderr.splitlines()
                assert line.startswith("tw: "), (words, said)

    return all_commands


@pytest.mark.parametrize(
    "environment",
    [
        {"HOME": "(not set)"},
        {"HOME": "/nowhere", "TW_CONFIG_DIR": "(not set)"},
        {"HOME": "", "TW_CONFIG_DIR": ""},
        {"TW_CONFIG_DIR": "relative"},
        {"TW_CONFIG_DIR": "/dev/null"},
        {"TW_CONFIG_DIR": "/proc/1/nothing"},
        {"TW_CONFIG_DIR": "~nobody-of-that-name"},
        {"HTTPS_PROXY": "nonsense://:x@"},
        {"NO_PROXY": "[::", "HTTPS_PROXY": "p:1"},
        {"LC_ALL": "C", "PYTHONIOENCODING": "ascii"},
        {"LC_ALL": "nonsense"},
        {"COLUMNS": "1"},
        {"COLUMNS": "many", "LINES": "-1"},
        {"TERM": "nonsense"},
        {"TZ": "nonsense"},
    ],
    ids=lambda environment: " ".join(f"{name}={value}" for name, value in environment.items()),
)
def test_whatever_the_environment_says_there_is_no_traceback(environment: dict[str, str], run: Run) -> None:
    run(environment)


@pytest.mark.skipif(sys.platform == "win32", reason="these are things of Unix shells")
@pytest.mark.parametrize(
    "shell",
    [
        'exec "$@" <&-',
        'exec "$@" >&-',
        'exec "$@" 2>&-',
        'exec "$@" <&- >&- 2>&-',
        'mkdir gone && cd gone && rmdir ../gone && exec "$@"',
        'ulimit -n 16 && exec "$@"',
    ],
)
def test_whatever_the_shell_took_away_there_is_no_traceback(shell: str, run: Run) -> None:
    run({}, shell=shell)
