"""A machine on its own: a network namespace with nothing but loopback, where every port is free."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path
from types import TracebackType

from tests.interop.mini import LoopThread

__all__ = ["Island"]

_SRC = Path(__file__).resolve().parents[3] / "src"
_CLONE_NEWNET = 0x40000000


class Island:
    """The machine; a context manager that ends all that was started there."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.name = f"tw{uuid.uuid4().hex[:8]}"
        self._processes: list[subprocess.Popen[bytes]] = []
        self._folders: list[Path] = []

    def __enter__(self) -> Island:
        _sh("ip", "netns", "add", self.name)
        _sh("ip", "-n", self.name, "link", "set", "lo", "up")
        return self

    def add_account(self, name: str, home: Path = Path("/nonexistent")) -> None:
        """A system account that only this machine has (ip-netns(8): its own /etc/passwd).

        Unrealistic: it is root by another name, for the interpreter of the tests may be root's alone.
        """
        file = Path("/etc/netns") / self.name / "passwd"
        if not file.exists():
            file.parent.mkdir(parents=True)
            self._folders.append(file.parent)
            file.write_text(Path("/etc/passwd").read_text())
        with file.open("a") as accounts:
            accounts.write(f"{name}:*:0:0::{home}:/bin/sh\n")

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in reversed(self._processes):
            process.terminate()
        for process in self._processes:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        _sh("ip", "netns", "del", self.name)
        for folder in self._folders:
            shutil.rmtree(folder, ignore_errors=True)

    def public_folder(self) -> Path:
        """One that every account may look into: pytest's own are root's alone."""
        folder = Path(tempfile.mkdtemp(prefix="tw-"))
        folder.chmod(0o755)
        self._folders.append(folder)
        return folder

    def start(self, name: str, *command: str, **env: str) -> subprocess.Popen[bytes]:
        """Start a program; its output goes to ``<name>.log``."""
        with self.log_path(name).open("ab") as log:
            process = subprocess.Popen(
                self._inside(command), stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=_env(env)
            )
        self._processes.append(process)
        return process

    def run(self, *command: str, **env: str) -> subprocess.CompletedProcess[str]:
        """Run a program to its end, whatever that is."""
        return subprocess.run(
            self._inside(command),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            env=_env(env),
            check=False,
        )

    def tw(self, identity: str, *words: str) -> str:
        """Run ``tw`` as that identity; it must succeed."""
        result = self.run(*self.tw_command(identity, *words))
        assert result.returncode == 0, result.stderr
        return result.stdout

    def tw_command(self, identity: str, *words: str) -> tuple[str, ...]:
        """``tw`` as that identity."""
        directory = str(self.directory / identity)
        return (sys.executable, "-m", "tunnel_whisperer", *words, "--config-dir", directory)

    def log_path(self, name: str) -> Path:
        """Where the output of a started program is."""
        return self.directory / f"{name}.log"

    def wait_for(self, name: str, text: str, timeout_s: float = 20) -> None:
        """Until a program has said something."""
        deadline = time.monotonic() + timeout_s
        while text not in (said := self.log_path(name).read_text(errors="replace")):
            assert time.monotonic() < deadline, f"{name} never said {text!r}:\n{said}"
            time.sleep(0.02)

    def wait_for_port(self, port: int, timeout_s: float = 20) -> None:
        """Until somebody listens there."""
        deadline = time.monotonic() + timeout_s
        while not self.run("ss", "-Hltn", f"sport = :{port}").stdout.strip():
            assert time.monotonic() < deadline, f"nobody listens on {port}"
            time.sleep(0.02)

    def loop(self) -> LoopThread:
        """An event loop whose sockets are this machine's."""
        return _IslandLoop(self.name)

    def _inside(self, command: tuple[str, ...]) -> list[str]:
        return ["ip", "netns", "exec", self.name, *command]


class _IslandLoop(LoopThread):
    def __init__(self, namespace: str) -> None:
        super().__init__()
        self._namespace = namespace
        self.loop.call_soon(self._enter)

    def _enter(self) -> None:
        """Of the loop's thread alone (setns(2))."""
        descriptor = os.open(f"/run/netns/{self._namespace}", os.O_RDONLY)
        try:
            libc = ctypes.CDLL(None, use_errno=True)
            assert libc.setns(descriptor, _CLONE_NEWNET) == 0, os.strerror(ctypes.get_errno())
        finally:
            os.close(descriptor)


def _env(more: dict[str, str]) -> dict[str, str]:
    own = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    return {**own, "PYTHONPATH": str(_SRC), **more}


def _sh(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)
