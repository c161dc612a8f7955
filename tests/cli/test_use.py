from __future__ import annotations

import json
from pathlib import Path

from tests.kit.command import Tw
from tunnel_whisperer.profile import Profile, running


def test_one_switches_by_name_by_id_and_by_its_beginning(relay: Tw) -> None:
    relay.ok("create", "context", "lab")
    made = json.loads(relay.ok("list", "contexts", "--json"))[1]["id"]
    for word in ("relay.test", "lab", "base", made, "base", made[:3]):
        said = relay.ok("use", word)
        assert ("(base) is active now: the relay relay.test" in said) == (word in ("relay.test", "base"))
    assert "is active already" in relay.ok("use", "lab")


def test_an_unknown_one_is_refused_with_the_nearest(relay: Tw) -> None:
    assert "(try: relay.test)" in relay.refused("no-such-name", "use", "relay.tset")
    assert "tw list contexts" in relay.refused("no-such-name", "use", "x" * 300)
    for word in ("", "../..", "base/../base", "*"):
        relay.refused("no-such-name", "use", word)


def test_a_process_that_serves_the_old_one_is_named(server: Tw, tmp_path: Path) -> None:
    server.ok("create", "context", "lab")
    server.ok("use", "plant")
    with running(Profile(tmp_path / "server"), "tw serve"):
        result = server("use", "lab")
    assert result.status == 0
    assert "tw: tw serve (process " in result.err
    assert "still serves plant (base), until it is stopped" in result.err
    assert server("use", "plant").err == ""


def test_the_one_that_is_gone_is_left_behind(relay: Tw, tmp_path: Path) -> None:
    relay.ok("create", "context", "lab")
    (tmp_path / "relay" / "contexts" / "current").write_text("ffffff\n")
    assert "tw list contexts" in relay.refused("not-set-up", "list", "servers")
    assert "is active now" in relay.ok("use", "base")
    relay.ok("list", "servers")
