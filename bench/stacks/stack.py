"""What all stacks have in common."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from .place import Machine, Place, free_port
from .processes import Processes

__all__ = ["Stack", "start_service"]

_SERVICE = str(Path(__file__).resolve().parents[1] / "load" / "service.py")


class Stack:
    """One system under test; a context manager. Subclasses start its programs in ``build``.

    Args:
        place: where its machines are.
        target: port of the service on the server's machine.
    """

    name = ""

    def __init__(self, place: Place, target: int) -> None:
        self.place = place
        self.target = target
        self.local_port = free_port()
        self.host = "127.0.0.1"
        self.directory = Path(tempfile.mkdtemp(prefix=f"bench-{self.name}-"))
        self.processes = Processes(place, self.directory)

    @staticmethod
    def missing() -> str:
        """What this machine lacks for it; empty if nothing."""
        return ""

    def __enter__(self) -> Stack:
        try:
            self._start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def restart(self) -> None:
        """End all its programs and start them again."""
        self.processes.__exit__()
        shutil.rmtree(self.directory)
        self.directory.mkdir()
        self._start()

    def _start(self) -> None:
        self.build()
        self.start_client()
        self.load("wait", 30)

    def close(self) -> None:
        """End its programs, remove its files."""
        self.processes.__exit__()
        shutil.rmtree(self.directory, ignore_errors=True)

    def build(self) -> None:
        """Start all but the client's side."""
        raise NotImplementedError

    def start_client(self) -> None:
        """Start the client's side."""
        raise NotImplementedError

    def stop_client(self) -> None:
        """End the client's side."""
        raise NotImplementedError

    def load(self, verb: str, *numbers: float, timeout_s: float = 120) -> dict[str, Any]:
        """Run the load client through this stack."""
        return self.processes.load(verb, self.host, self.local_port, *numbers, timeout_s=timeout_s)

    def load_in_background(self, verb: str, *numbers: float) -> subprocess.Popen[str]:
        """The same in the background; ``processes.finish`` reads its result."""
        return self.processes.load_in_background(verb, self.host, self.local_port, *numbers)


def start_service(processes: Processes, machine: Machine, host: str, port: int) -> None:
    """The service, on one of the machines."""
    words = [sys.executable, _SERVICE, host, str(port)]
    processes.start(machine, f"service-{machine}-{port}", words, "serving")
