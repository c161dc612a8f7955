from __future__ import annotations

import json
import subprocess

import pytest

from tests.e2e.commands.conftest import Site
from tunnel_whisperer.audit import Chain
from tunnel_whisperer.audit.record import Note
from tunnel_whisperer.profile import Profile

pytestmark = pytest.mark.e2e


def test_what_an_admin_did_is_listed_with_the_system_user_who_did_it(site: Site) -> None:
    site.relay.ok("unenroll", "plant", "--yes")
    lines = site.relay.ok("audit", "--user", "plant", "--json").splitlines()
    records = [json.loads(line) for line in lines]
    done = [record for record in records if record["who"].startswith("admin:")]
    assert [record["event"] for record in done] == ["tenant-enrolled", "tenant-removed"]
    assert "tenant-removed" in site.relay.ok("audit", "--since", "5m")
    site.relay.refused("bad-argument", "audit", "--since", "whenever")


def test_a_reader_who_has_seen_enough_is_no_fault(site: Site) -> None:
    """As ``tw audit | head``: more than a pipe holds."""
    Chain(Profile(site.relay.directory).audit).append([Note("login", "tenant:plant", 1e9)] * 2000)
    process = subprocess.Popen(
        site.relay.command("audit"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=site.relay.home,
        env=site.relay.environment(),
    )
    assert process.stdout is not None and process.stderr is not None
    assert b"plant" in process.stdout.readline()
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait(20) == 0
