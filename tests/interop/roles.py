"""Relay, server and clients as processes of their own on loopback, made by the commands people type."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType

from tests.interop.xray import free_port

__all__ = ["Roles"]

_PATIENCE_S = 20.0


class Roles:
    """A running relay with one enrolled server, ``plant``; a context manager that ends them.

    Args:
        directory: for identities and files.
        logs: for what they print; the same by default.
    """

    def __init__(self, directory: Path, logs: Path | None = None) -> None:
        self.directory = directory
        self._logs = logs or directory
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self.port = free_port()
        """Where the relay listens, on 127.0.0.1."""

    def __enter__(self) -> Roles:
        try:
            self.start("relay", "relay", "run", "--domain", "localhost", "--listen", f"127.0.0.1:{self.port}")
            self.wait_for("relay", "listening on")
            request, response = str(self.directory / "request.json"), str(self.directory / "response.json")
            self.tw("server", "join", "localhost", "--id", "plant", "--out", request)
            self.tw("relay", "enroll", request, "--port", str(self.port), "--out", response)
            self.tw("server", "join", "--apply", response)
            self.start("server", "serve")
            self.wait_for("server", "connected: published")
        except BaseException:
            self.end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    def tw(self, identity: str, *words: str) -> str:
        """Run a command to its end; it must succeed."""
        result = self.attempt(identity, *words)
        assert result.returncode == 0, result.stderr
        return result.stdout

    def attempt(self, identity: str, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end, whatever that is."""
        return subprocess.run(
            self._command(identity, words),
            cwd=self.directory,
            env=_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def let_in(self, user: str, *grants: str) -> Path:
        """A user; returns the file for them."""
        bundle = self.directory / f"{user}.zip"
        maps = [word for grant in grants for word in ("-m", grant)]
        self.tw("server", "create", "user", user, *maps, "--out", str(bundle))
        return bundle

    def start(self, identity: str, *words: str) -> subprocess.Popen[bytes]:
        """Start a role; its output goes to a log."""
        with self._log(identity).open("ab") as log:
            process = subprocess.Popen(
                self._command(identity, words),
                cwd=self.directory,
                env=_environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self._running[identity] = process
        return process

    def restart(self, identity: str, *words: str) -> None:
        """Stop a role as an admin does, and start it again."""
        process = self._running.pop(identity)
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0, self.said(identity)
        self.start(identity, *words)

    def wait_for(self, identity: str, pattern: str, *, after: int = 0) -> re.Match[str]:
        """Until a role has said something, behind the first ``after`` characters."""
        deadline = time.monotonic() + _PATIENCE_S
        while (found := re.search(pattern, self.said(identity)[after:])) is None:
            assert self._running[identity].poll() is None, self.said(identity)
            assert time.monotonic() < deadline, f"{identity} never said {pattern!r}:\n{self.said(identity)}"
            time.sleep(0.02)
        return found

    def said(self, identity: str) -> str:
        """All that a role has printed."""
        return self._log(identity).read_text(errors="replace")

    def end(self) -> None:
        """Stop what runs, and insist that it goes quietly."""
        for process in self._running.values():
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in self._running.values():
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._running.clear()

    def _log(self, identity: str) -> Path:
        return self._logs / f"{identity}.log"

    def _command(self, identity: str, words: tuple[str, ...]) -> list[str]:
        directory = str(self.directory / identity)
        return [sys.executable, "-m", "tunnel_whisperer", *words, "--config-dir", directory]


def _environment() -> dict[str, str]:
    """Ours, without a proxy: everything is on loopback."""
    return {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
