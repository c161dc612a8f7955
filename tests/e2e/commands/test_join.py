from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.e2e.commands.conftest import MachineFactory, Site
from tests.e2e.commands.machines import free_port

pytestmark = pytest.mark.e2e


def test_a_request_goes_out_and_the_response_makes_a_server_and_no_other(
    machine: MachineFactory, tmp_path: Path
) -> None:
    relay, server, other = machine("relay"), machine("server"), machine("other")
    port, request, response = free_port(), str(tmp_path / "q.json"), str(tmp_path / "a.json")
    relay.start("relay", "run", "--listen", f"127.0.0.1:{port}", "--domain", "localhost", until="listening")
    server.ok("join", "localhost", "--id", "plant", "--out", request)
    relay.ok("enroll", request, "--out", response, "--port", str(port))
    other.ok("join", "localhost", "--id", "plant")
    other.refused("bad-join-file", "join", "--apply", response)
    server.ok("join", "--apply", response)
    config = json.loads(server.ok("config", "view", "--json"))
    assert config["xray"]["path"] == "/tw/plant"
    assert config["server"]["remote_port"] == 20000
    assert "plant" in server.start("serve", until="connected: published").lines[0]


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
