"""What is taken away while everything runs, with real processes: it ends within a second, and the
client, the server and the audit record say why."""

from __future__ import annotations

import json
import shutil
import signal
import socket
import time
from typing import Any

import pytest

from tests.e2e.commands.conftest import Site, echo, machine, site
from tests.e2e.commands.machines import Machine, Running, free_port

pytestmark = pytest.mark.e2e

__all__ = ["echo", "machine", "site"]

_WITHIN_S = 1.0
"""What is promised."""
_SLACK_S = 0.5
"""For a machine that runs other tests, too."""


class Connection:
    """Of an application, through a local port."""

    def __init__(self, port: int) -> None:
        self.sock = socket.create_connection(("127.0.0.1", port), timeout=20)
        self.carries()

    def carries(self) -> None:
        self.sock.sendall(b"hello")
        assert self.sock.recv(5) == b"hello"

    def is_reset(self, since: float) -> None:
        """Within the time that is promised."""
        with pytest.raises(ConnectionError):
            self.sock.recv(1)
        assert time.monotonic() - since < _WITHIN_S + _SLACK_S
        self.close()

    def close(self) -> None:
        self.sock.close()


def _recorded(who: Machine, event: str) -> list[dict[str, Any]]:
    """The fields of all records of this kind."""
    records = [json.loads(line) for line in who.ok("audit", "--json").splitlines()]
    return [record["fields"] for record in records if record["event"] == event]


def test_a_deleted_user_is_put_out_and_told(site: Site, echo: int) -> None:
    local = free_port()
    bundle = site.add_user("alice", f"{local}:{echo}")
    site.serve()
    client = site.connect(bundle)
    connection = Connection(local)
    site.server.ok("delete", "user", "alice", "--yes")
    connection.is_reset(time.monotonic())
    line = client.wait_for("user-not-active", timeout_s=3)
    assert "the server ended the session: this user was removed" in line
    assert "ask the server's admin" in line and "trying again" in line
    (closed,), (ended,) = _recorded(site.server, "channel-closed"), _recorded(site.server, "session-ended")
    assert (closed["bytes_up"], closed["bytes_down"]) == (5, 5)
    assert closed["why"] == ended["why"] == "this user was removed"
    said = site.server.ok("audit", "--user", "alice")
    assert said.index("login") < said.index("channel-opened") < said.index("user-deleted")


def test_a_grant_that_is_taken_back_ends_its_connections_alone(site: Site, echo: int) -> None:
    kept, taken = free_port(), free_port()
    bundle = site.add_user("alice", f"{kept}:{echo}", f"{taken}:localhost:{echo}")
    server = site.serve()
    client = site.connect(bundle)
    stays, goes = Connection(kept), Connection(taken)
    site.server.ok("edit", "user", "alice", "--revoke", str(taken), "--yes")
    goes.is_reset(time.monotonic())
    stays.carries()
    stays.close()
    assert client.wait_for("is no longer granted", timeout_s=3).count(f"port {taken}: connection ended") == 1
    server.wait_for(f"closed localhost:{echo}: 5 bytes up, 5 bytes down, reset", timeout_s=3)
    whys = [fields["why"] for fields in _recorded(site.server, "channel-closed")]
    assert f"localhost:{echo} is no longer granted" in whys


def test_with_one_session_at_a_time_a_dead_machine_does_not_lock_its_user_out(
    site: Site, echo: int, machine: Any
) -> None:
    local = free_port()
    bundle = site.files / "alice.zip"
    site.server.ok(
        "create", "user", "alice", "-m", f"{local}:{echo}", "--single-session", "--out", str(bundle)
    )
    site.serve()
    first = site.connect(bundle)
    first.process.send_signal(signal.SIGSTOP)  # asleep in a bag, say: it has not said goodbye
    laptop: Machine = machine("laptop")
    other = free_port()
    began = time.monotonic()
    second = laptop.start("connect", str(bundle), "--map", f"{other}:{echo}", until="connected to")
    assert time.monotonic() - began < 8  # most of it is Python that starts
    connection = Connection(other)
    # It wakes up, learns what happened, and does not fight.
    first.process.send_signal(signal.SIGCONT)
    line = first.wait_for("session-replaced", timeout_s=10)
    assert "a newer session of this user began" in line
    assert first.process.wait(5) == 3
    connection.carries()
    connection.close()
    assert second.process.poll() is None
    assert [fields["why"] for fields in _recorded(site.server, "session-ended")] == [
        "a newer session of this user began"
    ]


def test_a_server_that_hangs_is_replaced_by_the_next_one(site: Site, echo: int, machine: Any) -> None:
    local = free_port()
    bundle = site.add_user("alice", f"{local}:{echo}")
    hanging = site.serve()
    client = site.connect(bundle)
    connection = Connection(local)
    hanging.process.send_signal(signal.SIGSTOP)
    spare: Machine = machine("spare")
    shutil.copytree(site.server.directory, spare.directory, ignore=shutil.ignore_patterns("run"))
    spare.start("serve", until="connected: published")
    connection.is_reset(time.monotonic())
    client.wait_for("connected to the server", timeout_s=5)  # after one back-off; not after 24 s of silence
    Connection(local).close()
    hanging.process.send_signal(signal.SIGCONT)
    whys = [fields["why"] for fields in _recorded(site.relay, "stream-closed")]
    assert "a newer session of the server took over" in whys


def test_a_server_that_is_removed_takes_its_users_along(site: Site, echo: int) -> None:
    local = free_port()
    bundle = site.add_user("alice", f"{local}:{echo}")
    server = site.serve()
    site.connect(bundle)
    connection = Connection(local)
    site.relay.ok("unenroll", "plant", "--yes")
    connection.is_reset(time.monotonic())
    server.wait_for("this server was removed from the relay", timeout_s=3)
    (closed,) = _recorded(site.relay, "stream-closed")
    assert closed["why"] == "this server was removed at the relay"


def test_a_relay_that_stops_says_that_and_nothing_else(site: Site) -> None:
    server = site.serve()
    relay: Running = site.running["relay"]
    assert relay.stop() == 0
    assert "the relay is shutting down" in server.wait_for("not connected", timeout_s=3)
    assert not [line for line in relay.lines if "removed" in line]
