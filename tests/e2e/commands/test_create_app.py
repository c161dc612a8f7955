from __future__ import annotations

import json

import pexpect
import pytest

from tests.e2e.commands.conftest import Site

pytestmark = pytest.mark.e2e


def test_a_set_of_ports_gets_a_name_at_the_terminal_and_is_given_to_a_user(site: Site) -> None:
    child = site.server.terminal("create", "app")
    for question, answer in (
        ("Name of the new app: ", "historian"),
        ("Port: ", "5432"),
        ("Next port, or nothing: ", "10502:plc-7.plant.lan:502"),
        ("Next port, or nothing: ", ""),
    ):
        child.expect_exact(question)
        child.sendline(answer)
    child.expect_exact("created historian")
    child.expect(pexpect.EOF)
    site.server.ok("create", "app", "panel", "-m", "80")
    site.server.ok("create", "user", "alice", "--app", "historian", "--app", "panel")
    (user,) = json.loads(site.server.ok("list", "users", "--json"))
    assert [(grant["local_port"], grant["app"]) for grant in user["grants"]] == [
        (5432, "historian"),
        (10502, "historian"),
        (80, "panel"),
    ]
    site.server.refused("exists", "create", "app", "panel", "-m", "81")
