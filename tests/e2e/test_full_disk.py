"""A disk that is full: nothing new is written, nothing old is lost, and what runs goes on."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.e2e.conftest import PROBE
from tests.interop.conftest import probe
from tests.interop.roles import Roles
from tests.interop.xray import free_port
from tests.kit.html import read_html

pytestmark = pytest.mark.e2e

# Enough pages for the identities and their records, and soon full.
_SIZE = "size=512k"


class Disk:
    """A small file system with relay, server and client on it, running; then it is full."""

    def __init__(self, roles: Roles, service: int) -> None:
        self.roles = roles
        self.root = roles.directory
        self.local = free_port()
        bundle = roles.let_in("alice", f"{self.local}:{service}")
        roles.let_in("carol", "9")  # so that the access record without alice is not empty: that would fit
        roles.start("client", "connect", str(bundle))
        roles.wait_for("client", "connected to the server")
        roles.tw("new", "join", "localhost", "--id", "newcomer", "--out", "newcomer.json")
        self._fill()
        self.before = self.state()

    def _fill(self) -> None:
        with (self.root / "ballast").open("wb", buffering=0) as ballast:
            for size in (4096, 1):
                with pytest.raises(OSError, match="No space left"):
                    while True:
                        ballast.write(b"x" * size)

    def empty(self) -> None:
        """Make room again."""
        (self.root / "ballast").unlink()

    def state(self) -> dict[str, bytes]:
        """All files and what is in them, but for what running processes tell of themselves."""
        return {
            str(path.relative_to(self.root)): path.read_bytes()
            for path in self.root.rglob("*")
            if path.is_file() and path.parent.name not in ("run", "audit")
        }

    def refuses(self, identity: str, *words: str) -> None:
        """In one line, with the way out; and not a byte has changed."""
        result = self.roles.attempt(identity, *words)
        assert result.returncode == 2
        assert result.stdout == ""
        (line,) = result.stderr.splitlines()
        assert line.startswith("tw: state-not-written: "), line
        assert "No space left on device" in line
        assert "free space" in line
        # An empty lock file may be new: it holds nothing.
        changed = {name for name, data in self.state().items() if self.before.get(name) != data and data}
        assert not changed
        assert self.before.keys() <= self.state().keys()

    def carries(self) -> None:
        assert "ok" in probe("fetch", self.local, 5_000_000)
        assert "ok" in probe("push", self.local, 5_000_000)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("mounting needs Linux and root")
    root = tmp_path / "disk"
    root.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", _SIZE, "tmpfs", str(root)], check=False).returncode != 0:
        pytest.skip("this root may not mount")
    port = free_port()
    try:
        with (
            Roles(root, tmp_path) as roles,
            subprocess.Popen([sys.executable, PROBE, "serve", str(port)], stdout=subprocess.PIPE) as service,
        ):
            assert service.stdout is not None
            assert service.stdout.readline().strip() == b"serving"
            try:
                yield Disk(roles, port)
            finally:
                service.terminate()
    finally:
        subprocess.run(["umount", str(root)], check=True)


def _looks_at_the_dashboard(said: str) -> None:
    """Somebody logs in all the same, to see what is wrong; what cannot be done says so."""
    found = re.search(r"(http://\S+)(/login\?token=\S+)", said)
    assert found is not None, said
    with httpx.Client(base_url=found[1], trust_env=False, timeout=20, follow_redirects=True) as browser:
        assert browser.get(found[2]).status_code == 200
        home = browser.get("/", headers={"accept": "text/html"})
        assert home.status_code == 200
        assert "could not be written" in read_html(home.text).words
        token = re.search(r'name="csrf" content="([^"]+)"', home.text)
        assert token is not None
        headers = {"origin": found[1], "x-csrf-token": token[1]}
        refused = browser.post("/api/v1/users/alice/unregister", headers=headers)
        assert refused.status_code == 500 and refused.json()["code"] == "state-not-written"


def test_a_full_disk_loses_nothing_and_stops_nothing(disk: Disk) -> None:
    roles = disk.roles
    elsewhere = disk.root.parent / "elsewhere.zip"
    disk.refuses("server", "create", "user", "bob", "-m", "5432", "--out", str(elsewhere))
    assert not elsewhere.exists()
    disk.refuses("server", "delete", "user", "alice", "--yes")
    disk.refuses("relay", "enroll", "newcomer.json", "--out", str(disk.root.parent / "a.json"))
    disk.refuses("another", "join", "localhost", "--id", "another")
    disk.refuses("another-relay", "relay", "run", "--domain", "localhost", "--listen", "127.0.0.1:1")
    disk.refuses("another-client", "connect", "alice.zip")

    # What runs goes on, and what is stopped starts again from the old state.
    disk.carries()
    assert roles.tw("server", "list", "users").count("alice") == 1
    assert "newcomer" not in roles.tw("relay", "list", "servers")
    for identity, words in (("relay", ("relay", "run")), ("server", ("serve",)), ("client", ("connect",))):
        said = len(roles.said(identity))
        roles.restart(identity, *words)
        roles.wait_for(identity, "listening on" if identity == "relay" else "connected", after=said)
    disk.carries()
    _looks_at_the_dashboard(roles.tw("server", "dashboard", "--port", "0", "--no-open"))
    assert "Traceback" not in "".join(roles.said(name) for name in ("relay", "server", "client"))
    roles.wait_for("server", "the audit record cannot be written, sessions go on: No space left on device")

    # With room again, the same commands complete what they could not.
    disk.empty()
    roles.tw("server", "create", "user", "bob", "-m", "5432", "--out", str(elsewhere))
    roles.tw("relay", "enroll", "newcomer.json", "--out", str(disk.root.parent / "a.json"))
    roles.tw("server", "delete", "user", "alice", "--yes")
    roles.wait_for("client", "user-not-active")

    # What could not be recorded is told, and the chain holds.
    roles.wait_for("server", "the audit record is written again")
    records = [json.loads(line) for line in roles.tw("server", "audit", "--json").splitlines()]
    gaps = [record["fields"] for record in records if record["event"] == "gap"]
    assert gaps and all(gap["count"] > 0 and gap["since"] <= gap["until"] for gap in gaps)
    assert {"user-created", "user-deleted"} <= {record["event"] for record in records}
    for identity in ("server", "relay"):
        assert "the chain holds" in roles.tw(identity, "audit", "verify")
