from __future__ import annotations

import pytest

from tests.e2e.commands.conftest import Site

pytestmark = pytest.mark.e2e


def test_what_was_set_is_forgotten(site: Site) -> None:
    site.server.ok("proxy", "set", "http://proxy.test:3128")
    assert "directly" in site.server.ok("proxy", "clear")
    assert "proxy.test" not in (site.server.directory / "config.yaml").read_text()
