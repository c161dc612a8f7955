from __future__ import annotations

import pytest

from tests.e2e.commands.conftest import Site

pytestmark = pytest.mark.e2e


def test_a_change_is_kept_and_the_running_relay_says_that_it_waits(site: Site) -> None:
    done = site.relay.tw("config", "set", "analytics.history_size", "500")
    assert (done.status, done.out) == (0, "analytics.history_size: 500\n")
    assert "tw relay run (process" in done.err and "start it again" in done.err
    site.running["relay"].wait_for("config.yaml changed (analytics.history_size)")
    assert "history_size: 500" in site.relay.ok("config", "view")
    site.relay.ok("config", "set", "log_level", "debug")
    site.running["relay"].wait_for("log level: debug")  # taken over at once
    told = site.server.refused("bad-argument", "config", "set", "role_signature", "AAAA")
    assert "signed it" in told


def test_commands_at_the_same_time_lose_nothing_of_each_other(site: Site) -> None:
    pairs = [("xray.transport", "packet-up"), ("xray.http", "1.1"), ("log_format", "json")]
    started = [site.server.start("config", "set", *pair) for pair in pairs]
    assert [one.process.wait(60) for one in started] == [0, 0, 0]
    shown = site.server.ok("config", "view")
    assert "transport: packet-up" in shown and "http: '1.1'" in shown and "log_format: json" in shown
