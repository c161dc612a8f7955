from __future__ import annotations

import json

import pytest

from tests.e2e.commands.conftest import MachineFactory, Site

pytestmark = pytest.mark.e2e


def test_a_server_is_admitted_while_the_relay_runs_and_others_feel_nothing(
    site: Site, machine: MachineFactory
) -> None:
    first = site.serve()
    second = machine("second")
    second.ok("join", "localhost", "--id", "lab", "--out", "q.json")
    site.relay.ok(
        "enroll", str(second.home / "q.json"), "--out", str(second.home / "a.json"), "--port", str(site.port)
    )
    second.ok("join", "--apply", "a.json")
    second.start("serve", until="connected: published")
    assert not [line for line in first.lines if "not connected" in line]
    listed = json.loads(site.relay.ok("list", "servers", "--json"))
    assert [(row["server"], row["port"]) for row in listed] == [("lab", 20001), ("plant", 20000)]


def test_somebody_elses_id_is_refused(site: Site, machine: MachineFactory) -> None:
    other = machine("other")
    other.ok("join", "localhost", "--id", "plant", "--out", "q.json")
    site.relay.refused("exists", "enroll", str(other.home / "q.json"))
