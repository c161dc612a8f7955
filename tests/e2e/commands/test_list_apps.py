from __future__ import annotations

import json

import pytest

from tests.e2e.commands.conftest import Site

pytestmark = pytest.mark.e2e


def test_apps_are_listed_with_who_has_them(site: Site) -> None:
    assert "tw create app" in site.server.ok("list", "apps")
    site.server.ok("create", "app", "historian", "-m", "10502:10.0.5.7:502")
    site.server.ok("create", "user", "alice", "--app", "historian")
    assert "(*) another machine than this server" in site.server.ok("list", "apps")
    (app,) = json.loads(site.server.ok("list", "apps", "--json"))
    assert (app["name"], app["users"]) == ("historian", ["alice"])
