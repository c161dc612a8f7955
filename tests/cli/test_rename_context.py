from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.kit.command import Tw


def test_the_id_and_what_is_active_stay(relay: Tw) -> None:
    relay.ok("create", "context", "lab")
    before = json.loads(relay.ok("list", "contexts", "--json"))
    assert relay.ok("rename", "context", "lab", "lab-2") == f"lab ({before[1]['id']}) is lab-2 now\n"
    assert relay.ok("rename", "context", "base", "hub") == "relay.test (base) is hub now\n"
    after = json.loads(relay.ok("list", "contexts", "--json"))
    assert [one["name"] for one in after] == ["hub", "lab-2"]
    assert [(one["id"], one["active"]) for one in after] == [(one["id"], one["active"]) for one in before]
    assert "is hub now" in relay.ok("rename", "context", "hub", "hub")


@pytest.mark.parametrize("name", ["", "a/b", "../x", "Ä", "a" * 300, "base"])
def test_a_name_that_is_none_is_refused(relay: Tw, name: str) -> None:
    relay.refused("bad-argument", "rename", "context", "relay.test", name)


def test_a_taken_name_is_refused(relay: Tw) -> None:
    relay.ok("create", "context", "lab")
    relay.refused("exists", "rename", "context", "lab", "relay.test")
    relay.refused("no-such-name", "rename", "context", "gone", "lab-3")


def test_a_description_that_was_damaged_is_made_anew(relay: Tw, tmp_path: Path) -> None:
    relay.ok("create", "context", "lab")
    context_id = json.loads(relay.ok("list", "contexts", "--json"))[1]["id"]
    (tmp_path / "relay" / "contexts" / context_id / "context.json").write_text("{")
    relay.ok("rename", "context", context_id, "lab")
    result = relay("list", "contexts")
    assert (result.status, result.err) == (0, "")
    assert "lab" in result.out
