from __future__ import annotations

import pexpect
import pytest

from tests.e2e.commands.conftest import MachineFactory, Site

pytestmark = pytest.mark.e2e


def test_the_last_one_is_a_full_reset_after_a_yes(machine: MachineFactory) -> None:
    one = machine("one")
    one.ok("join", "relay.test", "--id", "plant")
    for answer, status in (("n", 1), ("y", 0)):
        child = one.terminal("delete", "context", "plant")
        child.expect("this resets tw on this machine")
        child.expect(r"Delete context plant \(base\)\? \[y/N\] ")
        child.sendline(answer)
        child.expect(pexpect.EOF)
        child.close()
        assert child.exitstatus == status
        assert (one.directory / "config.yaml").exists() == (answer == "n")
    left = [path.name for path in one.directory.rglob("*") if path.is_file() and path.name != ".lock"]
    assert left == []
    assert one.ok("list", "contexts").startswith("no contexts yet")


def test_what_runs_is_not_deleted(site: Site) -> None:
    told = site.relay.refused("already-running", "delete", "context", "localhost", "--yes")
    assert f"process {site.running['relay'].process.pid}" in told
    site.running["relay"].stop()
    site.relay.ok("delete", "context", "localhost", "--yes")
