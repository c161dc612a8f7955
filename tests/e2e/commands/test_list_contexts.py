from __future__ import annotations

import json

import pytest

from tests.e2e.commands.conftest import MachineFactory, Site

pytestmark = pytest.mark.e2e


def test_what_runs_is_shown_with_its_process(site: Site) -> None:
    (one,) = json.loads(site.relay.ok("list", "contexts", "--json"))
    assert (one["name"], one["role"], one["relay"], one["active"]) == (
        "localhost",
        "relay",
        "localhost",
        True,
    )
    assert one["running"]["pid"] == site.running["relay"].process.pid
    table = site.server.ok("list", "contexts")
    assert table.splitlines()[1].split() == ["*", "plant", "base", "server", "localhost", "-"]


def test_a_new_machine_is_told_how_to_begin(machine: MachineFactory) -> None:
    assert machine("one").ok("list", "contexts").startswith("no contexts yet: tw connect FILE.zip")
