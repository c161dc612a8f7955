from __future__ import annotations

import pytest

from tests.e2e.commands.conftest import Site

pytestmark = pytest.mark.e2e


def test_a_change_is_kept_and_the_running_relay_says_that_it_waits(site: Site) -> None:
    done = site.relay.tw("config", "set", "log_level", "debug")
    assert (done.status, done.out) == (0, "log_level: debug\n")
    assert "tw relay run (process" in done.err and "start it again" in done.err
    site.running["relay"].wait_for("config.yaml changed (log_level)")
    assert "log_level: debug" in site.relay.ok("config", "view")
    told = site.server.refused("bad-argument", "config", "set", "role_signature", "AAAA")
    assert "signed it" in told
