from __future__ import annotations

import json

import pexpect
import pytest

from tests.e2e.commands.conftest import Site

pytestmark = pytest.mark.e2e


def test_who_loses_what_is_shown_and_asked(site: Site) -> None:
    site.server.ok("create", "app", "historian", "-m", "5432")
    site.server.ok("create", "user", "alice", "--app", "historian", "-m", "22")
    child = site.server.terminal("delete", "app", "historian")
    child.expect_exact("- 5432 -> 127.0.0.1:5432")
    child.expect_exact("Delete app historian? [y/N] ")
    child.sendline("y")
    child.expect_exact("alice's file must be sent again")
    child.expect(pexpect.EOF)
    assert json.loads(site.server.ok("list", "apps", "--json")) == []
    assert "5432" not in (site.server.directory / "authorized_keys").read_text()
    site.server.refused("no-such-name", "delete", "app", "historian", "--yes")
