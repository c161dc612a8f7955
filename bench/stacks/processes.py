"""Start programs on a machine of a place, wait for what they say, look at their memory and time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .place import Machine, Place

__all__ = ["Failed", "Processes", "Usage", "usage"]

_SRC = Path(__file__).resolve().parents[2] / "src"
_CLIENT = str(Path(__file__).resolve().parents[1] / "load" / "client.py")
_TICK = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


class Failed(Exception):
    """A stack could not be started, or a measurement did not come to its end."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What some processes and their children have taken."""

    rss_bytes: int
    cpu_s: float


class Processes:
    """The programs of one stack; a context manager that ends them."""

    def __init__(self, place: Place, directory: Path) -> None:
        self.place = place
        self.directory = directory
        self._running: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Processes:
        return self

    def __exit__(self, *_: object) -> None:
        for process in reversed(self._running):
            self.stop(process)

    def start(
        self, machine: Machine, name: str, words: list[str], ready: str = "", timeout_s: float = 30
    ) -> subprocess.Popen[bytes]:
        """Start a program; its output goes to ``NAME.log``. With ``ready``: wait until it says so."""
        log = self.log(name)
        with log.open("wb") as out:
            process = subprocess.Popen(
                self.place.command(machine, words),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                env=self._environment(),
            )
        self._running.append(process)
        deadline = time.monotonic() + timeout_s
        while ready and ready not in log.read_text(errors="replace"):
            if process.poll() is not None or time.monotonic() > deadline:
                raise Failed(f"{name} never said {ready!r}: {log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.02)
        return process

    def run(self, machine: Machine, words: list[str], timeout_s: float = 60) -> str:
        """Run a program to its end; returns what it printed."""
        done = subprocess.run(
            self.place.command(machine, words),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            env=self._environment(),
            check=False,
        )
        if done.returncode:
            said = (done.stdout + done.stderr).strip().rpartition("\n")[2]
            what = " ".join(Path(word).name for word in words[1:5])
            raise Failed(f"{self.directory.name}: {what}: {said[:300]}")
        return done.stdout

    def load(
        self, verb: str, host: str, port: int, *numbers: float, timeout_s: float = 120
    ) -> dict[str, Any]:
        """Run the load client on the client's machine."""
        words = [sys.executable, _CLIENT, verb, host, str(port), *map(str, numbers)]
        result: dict[str, Any] = json.loads(self.run("client", words, timeout_s).splitlines()[-1])
        return result

    def load_in_background(self, verb: str, host: str, port: int, *numbers: float) -> subprocess.Popen[str]:
        """The same, not waited for; ``finish`` ends it and reads its result."""
        words = [sys.executable, _CLIENT, verb, host, str(port), *map(str, numbers)]
        return subprocess.Popen(
            self.place.command("client", words),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=self._environment(),
        )

    def finish(self, load: subprocess.Popen[str], timeout_s: float = 120) -> dict[str, Any]:
        """The result of a load in the background."""
        try:
            out, _ = load.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            load.kill()
            load.communicate()
            raise Failed("a load did not end") from None
        if load.returncode:
            raise Failed("a load failed")
        result: dict[str, Any] = json.loads(out.splitlines()[-1])
        return result

    def stop(self, process: subprocess.Popen[bytes]) -> None:
        """End one program."""
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if process in self._running:
            self._running.remove(process)

    def log(self, name: str) -> Path:
        """Where a program's output is."""
        return self.directory / f"{name}.log"

    @staticmethod
    def _environment() -> dict[str, str]:
        unwanted = ("http_proxy", "https_proxy", "all_proxy")
        kept = {name: value for name, value in os.environ.items() if name.lower() not in unwanted}
        return {**kept, "PYTHONPATH": str(_SRC), "PYTHONUNBUFFERED": "1"}


def usage(*processes: subprocess.Popen[bytes]) -> Usage:
    """Resident memory and processor time of processes and all their children, now."""
    rss, ticks = 0, 0
    for pid in _with_children([process.pid for process in processes]):
        try:
            rss += int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        ticks += int(fields[11]) + int(fields[12])
    return Usage(rss, ticks / _TICK)


def _with_children(pids: list[int]) -> list[int]:
    found: list[int] = []
    while pids:
        pid = pids.pop()
        found.append(pid)
        for children in Path(f"/proc/{pid}/task").glob("*/children"):
            try:
                pids += [int(word) for word in children.read_text().split()]
            except OSError:
                pass
    return found
