from __future__ import annotations

import json
import signal
from typing import Any

import pytest

from tests.e2e.commands.conftest import MachineFactory, Site
from tests.e2e.commands.machines import Machine, free_port

pytestmark = pytest.mark.e2e


def _tested(machine: Machine, *, status: int = 0) -> dict[str, Any]:
    """The steps by name."""
    done = machine.tw("test", "relay", "--json")
    assert done.status == status, done
    value: dict[str, Any] = json.loads(done.out)
    assert value["ok"] is (status == 0)
    return {step["name"]: step for step in value["steps"]}


def test_each_role_tells_how_its_way_is_before_and_after_the_server_runs(site: Site, echo: int) -> None:
    bundle = site.add_user("alice", f"{free_port()}:{echo}")
    before = _tested(site.server)
    assert before["ssh"]["state"] == "ok" and before["port"]["state"] == "note"
    site.serve()
    after = _tested(site.server)
    assert after["port"]["state"] == "ok"
    site.connect(bundle)
    running = _tested(site.client)
    assert running["server"]["state"] == "ok" and running["ssh"]["state"] == "skipped"
    site.running["client"].stop()
    assert _tested(site.client)["ssh"]["state"] == "ok"
    out = site.relay.ok("test", "relay")
    assert [line.split()[0] for line in out.splitlines()[:4]] == ["ok"] * 4
    assert "server plant" in out


def test_the_step_that_fails_and_what_to_try_are_named(site: Site, echo: int) -> None:
    bundle = site.add_user("alice", f"{free_port()}:{echo}")
    site.serve()
    site.connect(bundle)
    site.running["client"].stop()
    site.running["server"].stop()
    assert _tested(site.client, status=4)["server"]["hint"].startswith("is tw serve running there")
    site.running["relay"].stop(signal.SIGKILL)
    line = site.client.refused("relay-unreachable", "test", "relay")
    assert str(site.port) in line
    assert site.relay.refused("relay-unreachable", "test", "relay").endswith("(try: tw relay run)")


def test_without_an_identity_it_says_so(machine: MachineFactory) -> None:
    machine("nobody").refused("not-set-up", "test", "relay")
