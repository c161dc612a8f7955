from __future__ import annotations

import json

import pytest

from tests.e2e.commands.conftest import Site

pytestmark = pytest.mark.e2e


def test_what_an_admin_did_is_listed_with_the_system_user_who_did_it(site: Site) -> None:
    site.relay.ok("unenroll", "plant", "--yes")
    lines = site.relay.ok("audit", "--user", "plant", "--json").splitlines()
    records = [json.loads(line) for line in lines]
    done = [record for record in records if record["who"].startswith("admin:")]
    assert [record["event"] for record in done] == ["tenant-enrolled", "tenant-removed"]
    assert "tenant-removed" in site.relay.ok("audit", "--since", "5m")
    site.relay.refused("bad-argument", "audit", "--since", "whenever")
