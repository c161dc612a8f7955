from __future__ import annotations

import pytest

from tests.e2e.commands.conftest import Site

pytestmark = pytest.mark.e2e


def test_a_switch_names_what_still_runs_and_does_not_end_it(site: Site) -> None:
    relay = site.relay
    relay.ok("create", "context", "plant")
    relay.ok("join", "localhost", "--id", "other")
    relay.ok("use", "base")
    switched = relay.tw("use", "plant")
    assert switched.status == 0
    assert "plant (" in switched.out
    assert f"tw relay run (process {site.running['relay'].process.pid}, since " in switched.err
    assert "still serves localhost (base)" in switched.err
    site.serve()
    told = relay.refused("wrong-role", "list", "servers")
    assert "tw use localhost" in told
    relay.ok("use", "localhost")
    assert "plant" in relay.ok("list", "servers")


def test_a_role_that_somebody_wrote_into_the_file_is_refused_with_the_way_back(site: Site) -> None:
    config = site.server.directory / "config.yaml"
    text = config.read_text()
    assert "mode: server\n" in text
    config.write_text(text.replace("mode: server\n", "mode: relay\n"))
    for words in (("list", "servers"), ("relay", "run", "--listen", "127.0.0.1:0", "--domain", "evil.test")):
        told = site.server.refused("wrong-role", *words)
        assert "this was changed to relay, and is a server, as its relay signed" in told
        assert "write mode: server again" in told
    config.write_text(text)
    site.serve()
