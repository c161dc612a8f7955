from __future__ import annotations

import json
import os
from pathlib import Path

from tests.kit.command import Tw
from tunnel_whisperer.profile import Profile, running


def test_on_a_machine_without_any_it_says_how_to_begin(tw: Tw, tmp_path: Path) -> None:
    assert tw.ok("list", "contexts").startswith("no contexts yet: tw connect FILE.zip")
    assert json.loads(tw.ok("list", "contexts", "--json")) == []
    assert not (tmp_path / "new").exists()


def test_each_is_shown_with_its_role_its_relay_and_who_serves_it(server: Tw, tmp_path: Path) -> None:
    server.ok("create", "context", "lab")
    with running(Profile(tmp_path / "server"), "tw serve"):
        table = server.ok("list", "contexts").splitlines()
        first, second = json.loads(server.ok("list", "contexts", "--json"))
    assert table[0].split() == ["active", "name", "id", "role", "relay", "running"]
    assert table[1].split()[:4] == ["plant", "base", "server", "relay.test"]
    assert f"tw serve (process {os.getpid()}" in table[1]
    assert table[2].split() == ["*", "lab", second["id"], "none", "yet", "-", "-"]
    assert (first["role"], first["relay"], first["active"]) == ("server", "relay.test", False)
    assert (first["running"]["pid"], first["running"]["command"]) == (os.getpid(), "tw serve")
    assert first["directory"] == str(tmp_path / "server")
    assert (second["role"], second["relay"], second["active"], second["running"]) == (None, None, True, None)
    assert second["created"].startswith("20")


def test_what_is_damaged_is_shown_and_told_and_hides_nothing(relay: Tw, tmp_path: Path) -> None:
    for name in ("a", "b"):
        relay.ok("create", "context", name)
    ids = {one["name"]: one["id"] for one in json.loads(relay.ok("list", "contexts", "--json"))}
    contexts = tmp_path / "relay" / "contexts"
    (contexts / ids["a"] / "context.json").write_text('{"format": 1, "name": "../../x"}')
    (contexts / ids["b"] / "config.yaml").write_text("mode: sailor\n")
    (contexts / "current").write_text("ffffff")
    result = relay("list", "contexts")
    assert result.status == 0
    assert [line.split()[:2] for line in result.out.splitlines()[1:]] == [
        ["relay.test", "base"],
        *sorted([[ids["a"], ids["a"]], ["b", ids["b"]]]),
    ]
    codes = [line.split(": ")[1] for line in result.err.splitlines()]
    assert sorted(codes) == ["bad-config", "bad-record", "not-set-up"]
    found = json.loads(relay("list", "contexts", "--json").out)
    assert [one["name"] for one in found if one["fault"]] == ["b"]
