"""Whole commands in processes of their own, on loopback and in directories of the test's own."""

from __future__ import annotations

import os
import queue
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import pexpect

__all__ = ["Finished", "Machine", "Running", "free_port"]

_SRC = Path(__file__).resolve().parents[3] / "src"
_TIMEOUT_S = 60.0


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody listens on now."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


@dataclass(frozen=True, slots=True)
class Finished:
    """What a command left behind."""

    status: int
    out: str
    err: str


class Running:
    """A command that stays up; its output, both kinds, is collected by line."""

    def __init__(self, process: subprocess.Popen[str], command: str) -> None:
        self.process = process
        self.lines: list[str] = []
        self._command = command
        self._fresh: queue.Queue[str | None] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))
            self._fresh.put(self.lines[-1])
        self._fresh.put(None)

    def wait_for(self, text: str, timeout_s: float = _TIMEOUT_S) -> str:
        """The next line, not yet waited for, that has ``text`` in it."""
        end = time.monotonic() + timeout_s
        while True:
            try:
                line = self._fresh.get(timeout=max(0.01, end - time.monotonic()))
            except queue.Empty:
                line = None
            if line is None:
                said = "\n".join(self.lines)
                raise AssertionError(f"{self._command}: never said {text!r}:\n{said}")
            if text in line:
                return line

    def stop(self, number: signal.Signals = signal.SIGTERM, timeout_s: float = 15) -> int:
        """Ask it to end; returns its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        status = self.process.wait(timeout_s)
        self._reader.join(timeout_s)
        if self.process.stdout is not None:
            self.process.stdout.close()
        return status


class Machine:
    """One person's computer: a configuration directory, a working directory, and ``tw``."""

    def __init__(self, home: Path) -> None:
        home.mkdir(parents=True)
        self.home = home
        """Where commands run, and write what they are not told to write elsewhere."""
        self.directory = home / "config"
        self._running: list[Running] = []
        self._terminals: list[pexpect.spawn[str]] = []

    def environment(self, **env: str) -> dict[str, str]:
        """Of its processes: no proxy and no identity of the machine that the test runs on."""
        kept = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
        return {
            **kept,
            "PYTHONPATH": str(_SRC),
            "TW_CONFIG_DIR": str(self.directory),
            "HOME": str(self.home),
            "NO_COLOR": "1",
            **env,
        }

    @staticmethod
    def command(*words: str) -> list[str]:
        """How a process with ``tw`` is started."""
        return [sys.executable, "-m", "tunnel_whisperer", *words]

    def tw(self, *words: str, stdin: str = "", timeout_s: float = _TIMEOUT_S, **env: str) -> Finished:
        """Run a command to its end, without a terminal."""
        done = subprocess.run(
            self.command(*words),
            input=stdin,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            cwd=self.home,
            env=self.environment(**env),
        )
        return Finished(done.returncode, done.stdout, done.stderr)

    def ok(self, *words: str, stdin: str = "", timeout_s: float = _TIMEOUT_S, **env: str) -> str:
        """Run a command that must succeed; returns its answer."""
        done = self.tw(*words, stdin=stdin, timeout_s=timeout_s, **env)
        assert done.status == 0, f"tw {' '.join(words)}: {done.status}\n{done.out}{done.err}"
        return done.out

    def refused(
        self, code: str, *words: str, stdin: str = "", timeout_s: float = _TIMEOUT_S, **env: str
    ) -> str:
        """Run a command that must be refused with this code in one line; returns that line."""
        done = self.tw(*words, stdin=stdin, timeout_s=timeout_s, **env)
        lines = done.err.strip().splitlines()
        assert done.status not in (0, 70), done
        assert lines, done
        assert lines[-1].startswith(f"tw: {code}: "), done.err
        assert "Traceback" not in done.err, done.err
        return lines[-1]

    def start(self, *words: str, until: str = "", **env: str) -> Running:
        """Start a command that stays up, and wait until it has said ``until``."""
        process = subprocess.Popen(
            self.command(*words),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=self.home,
            env=self.environment(PYTHONUNBUFFERED="1", **env),
        )
        running = Running(process, "tw " + " ".join(words))
        self._running.append(running)
        if until:
            running.wait_for(until)
        return running

    def terminal(self, *words: str, **env: str) -> pexpect.spawn[str]:
        """Start a command at a terminal of 120 columns, to be talked with."""
        program, *rest = self.command(*words)
        child = pexpect.spawn(
            program,
            rest,
            cwd=str(self.home),
            env=self.environment(TERM="xterm", **env),
            encoding="utf-8",
            timeout=30,
            dimensions=(40, 120),
        )
        self._terminals.append(child)
        return child

    def clean_up(self) -> None:
        """End what still runs."""
        for running in self._running:
            running.stop(signal.SIGKILL)
        for child in self._terminals:
            child.close(force=True)
