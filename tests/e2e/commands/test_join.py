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


def test_an_invitation_makes_a_server_in_one_command_and_works_once(
    site: Site, machine: MachineFactory
) -> None:
    token = site.relay.ok("enroll", "--invite", "--name", "lab", "--port", str(site.port)).strip()
    lab, late = machine("lab"), machine("late")
    assert "as lab" in lab.ok("join", "-", stdin=token + "\n")
    lab.start("serve", until="connected: published")
    assert "as lab" in lab.ok("join", token), "the same machine may lose the answer and ask again"
    assert "somebody else" in late.refused("invitation-over", "join", token)
    assert "lab     20001" in site.relay.ok("list", "servers")


def test_an_invitation_that_was_withdrawn_or_is_damaged_is_told_as_that(
    site: Site, machine: MachineFactory
) -> None:
    token = site.relay.ok("enroll", "--invite", "--name", "lab", "--port", str(site.port)).strip()
    lab = machine("lab")
    lab.refused("bad-token", "join", token[:-9])
    site.relay.ok("unenroll", "lab", "--yes")
    assert "withdrawn" in lab.refused("invitation-over", "join", token)


def test_an_invitation_is_pasted_at_a_terminal_and_not_shown(site: Site, machine: MachineFactory) -> None:
    token = site.relay.ok("enroll", "--invite", "--port", str(site.port)).strip()
    terminal = machine("lab").terminal("join", "-", "--id", "lab")
    terminal.expect("Invitation")
    terminal.sendline(token)
    terminal.expect("enrolled at localhost as lab")
    terminal.wait()
    assert token not in str(terminal.before)
