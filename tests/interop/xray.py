"""The real Xray, from its wheel, in a process of its own.

The wheel has no command line: ``startFromJSON`` blocks until SIGTERM. It listens with
SO_REUSEPORT, so every port here is fresh and every process is waited for.
"""

from __future__ import annotations

import importlib.util
import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any

__all__ = ["PATH", "UUID", "Xray", "client_config", "free_port", "missing", "server_config"]

UUID = "11111111-2222-3333-4444-555555555555"
PATH = "/tw/srv1"
_RUN = "import sys, xray; xray.startFromJSON(open(sys.argv[1]).read())"


def missing() -> str:
    """What lacks for running Xray; empty if nothing."""
    return "" if importlib.util.find_spec("xray") else "not installed: Xray-core (wheel)"


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


class Xray:
    """One running Xray; a context manager.

    Args:
        python: interpreter with the wheel; ``TW_XRAY_PYTHON`` names another version's.
    """

    def __init__(self, config: dict[str, Any], directory: Path, name: str, python: str = "") -> None:
        self._config = directory / f"{name}.json"
        self._config.write_text(json.dumps(config))
        self.log_path = directory / f"{name}.log"
        self._python = python or sys.executable
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Xray:
        with self.log_path.open("wb") as log:
            self._process = subprocess.Popen(
                [self._python, "-c", _RUN, str(self._config)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, "XRAY_LOCATION_ASSET": str(self._config.parent)},
            )
        deadline = time.monotonic() + 20
        # Connecting to a client's inbound would open a real tunnel: its own words tell instead.
        while "started" not in self.log_path.read_text(errors="replace"):
            assert self._process.poll() is None, self.log_path.read_text(errors="replace")
            assert time.monotonic() < deadline, self.log_path.read_text(errors="replace")
            time.sleep(0.02)
        return self

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


def server_config(port: int, *, mode: str = "auto", tls: tuple[Path, Path] | None = None) -> dict[str, Any]:
    """An XHTTP inbound on loopback, plain or TLS, that may reach loopback targets."""
    stream: dict[str, Any] = {"network": "xhttp", "xhttpSettings": {"path": PATH, "mode": mode}}
    if tls is not None:
        stream["security"] = "tls"
        stream["tlsSettings"] = {"certificates": [{"certificateFile": str(tls[0]), "keyFile": str(tls[1])}]}
    return {
        "log": {"loglevel": "info"},
        "inbounds": [
            {
                "tag": "in",
                "listen": "127.0.0.1",
                "port": port,
                "protocol": "vless",
                "settings": {"clients": [{"id": UUID, "email": "u1"}], "decryption": "none"},
                "streamSettings": stream,
            }
        ],
        "outbounds": [
            {
                "protocol": "freedom",
                # Private targets are blackholed unless allowed (oracle.md, pitfall 2).
                "settings": {"finalRules": [{"action": "allow", "ip": ["127.0.0.1/32"]}]},
            }
        ],
    }


def client_config(
    local_port: int,
    server_port: int,
    target_port: int,
    *,
    mode: str,
    ca: Path | None = None,
    http: str = "2",
    uuid: str = UUID,
) -> dict[str, Any]:
    """A local port whose connections go through XHTTP to ``127.0.0.1:target_port``.

    Without a CA it is plain HTTP/1.1, the only thing that Xray's client speaks unencrypted.
    """
    stream: dict[str, Any] = {"network": "xhttp", "xhttpSettings": {"path": PATH, "mode": mode}}
    if ca is not None:
        stream["security"] = "tls"
        stream["tlsSettings"] = {
            "serverName": "relay.test",
            "certificates": [{"certificateFile": str(ca), "usage": "verify"}],
        }
        if http == "1.1":  # its Chrome fingerprint would offer h2 all the same
            stream["tlsSettings"] |= {"alpn": ["http/1.1"], "fingerprint": "unsafe"}
    return {
        "log": {"loglevel": "info"},
        "inbounds": [
            {
                "listen": "127.0.0.1",
                "port": local_port,
                "protocol": "dokodemo-door",
                "settings": {"network": "tcp", "address": "127.0.0.1", "port": target_port},
            }
        ],
        "outbounds": [
            {
                "protocol": "vless",
                "settings": {
                    "vnext": [
                        {
                            "address": "127.0.0.1",
                            "port": server_port,
                            "users": [{"id": uuid, "encryption": "none"}],
                        }
                    ]
                },
                "streamSettings": stream,
            }
        ],
    }
