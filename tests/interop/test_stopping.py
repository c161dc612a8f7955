"""Roles that are asked to stop do so at once, leave nothing open, and say no word about it."""

from __future__ import annotations

import signal
import socket
import time
from pathlib import Path

import pytest

from tests.interop.roles import Roles
from tests.interop.xray import free_port

pytestmark = pytest.mark.interop


@pytest.mark.parametrize("order", [("client", "server", "relay"), ("relay", "server", "client")])
def test_each_role_stops_quietly_in_the_middle_of_a_connection(
    order: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONASYNCIODEBUG", "1")
    monkeypatch.setenv("PYTHONWARNINGS", "error::ResourceWarning")
    with socket.create_server(("127.0.0.1", 0)) as target, Roles(tmp_path) as roles:
        port = free_port()
        bundle = roles.let_in("alice", f"{port}:127.0.0.1:{target.getsockname()[1]}")
        roles.start("client", "connect", str(bundle))
        roles.wait_for("client", "connected to the server")
        with socket.create_connection(("127.0.0.1", port), timeout=10) as application:
            far, _ = target.accept()
            with far:
                application.sendall(b"hello")
                assert far.recv(5) == b"hello"
                for name in order:
                    process = roles._running[name]
                    process.send_signal(signal.SIGTERM)
                    began = time.monotonic()
                    assert process.wait(10) == 0, roles.said(name)
                    assert time.monotonic() - began < 5
                far.settimeout(10)
                application.settimeout(10)
                for end in (application, far):
                    with pytest.raises(ConnectionResetError):
                        end.recv(1)
        for name in order:
            said = roles.said(name)
            assert "Traceback" not in said and "Warning" not in said and "internal" not in said, said
