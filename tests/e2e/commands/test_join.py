from __future__ import annotations

import json

import pytest

from tests.e2e.commands.conftest import MachineFactory, Site

pytestmark = pytest.mark.e2e


def test_a_request_goes_out_and_the_response_makes_a_server(site: Site) -> None:
    config = json.loads(site.server.ok("config", "view", "--json"))
    assert config["xray"]["path"] == "/tw/plant"
    assert config["server"]["remote_port"] == 20000
    assert "plant" in site.serve().lines[0]


def test_a_response_is_no_good_to_another_server(site: Site, machine: MachineFactory) -> None:
    other = machine("other")
    other.ok("join", "localhost", "--id", "plant")
    other.refused("bad-join-file", "join", "--apply", str(site.files / "a.json"))


def test_without_a_relay_it_says_what_to_type(machine: MachineFactory) -> None:
    assert "tw join RELAY" in machine("server").refused("bad-argument", "join")
