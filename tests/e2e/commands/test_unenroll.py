from __future__ import annotations

import pytest

from tests.e2e.commands.conftest import Site

pytestmark = pytest.mark.e2e


def test_a_server_that_is_connected_is_cut_off_at_once(site: Site) -> None:
    server = site.serve()
    assert "removed server plant" in site.relay.ok("unenroll", "plant", "--yes")
    server.wait_for("not connected", timeout_s=3)
    assert "no servers yet" in site.relay.ok("list", "servers")


def test_it_asks_at_a_terminal_and_takes_no_for_an_answer(site: Site) -> None:
    site.relay.ok("enroll", "--invite", "--name", "lab")
    for name, question in (("plant", "Remove server plant"), ("lab", "Withdraw the invitation lab")):
        terminal = site.relay.terminal("unenroll", name)
        terminal.expect(question)
        terminal.sendline("n")
        terminal.wait()
        assert terminal.exitstatus == 1
    assert "--yes" in site.relay.refused("bad-argument", "unenroll", "plant")
    assert "plant" in site.relay.ok("list", "servers")
