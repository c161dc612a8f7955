from __future__ import annotations

from pathlib import Path

import pytest

from tests.kit.command import Tw
from tests.profile.crash import snapshot


def test_it_is_active_and_its_first_role_action_gives_it_its_role(relay: Tw) -> None:
    said = relay.ok("create", "context", "plant")
    assert "is active now: no role yet" in said
    assert "back to relay.test (base): tw use relay.test" in said
    relay.ok("join", "relay.test", "--id", "plant")
    assert "server" in relay.ok("list", "contexts")
    relay.ok("use", "relay.test")
    assert relay.ok("list", "servers").startswith("no servers yet")


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "../x", "a/b", "a\\b", "A", "Plant", "ü", "plant\n", "-a", ".a", "a b", "a" * 64, "a" * 300, "base",
     "a\0b", "٣"],
)  # fmt: skip
def test_a_name_that_is_none_is_refused_and_nothing_is_made(tw: Tw, tmp_path: Path, name: str) -> None:
    told = tw.refused("bad-argument", "create", "context", "--", name)
    assert len(told) < 300
    assert not (tmp_path / "new").exists() or snapshot(tmp_path / "new") == {}


def test_a_taken_name_is_refused(relay: Tw) -> None:
    relay.refused("exists", "create", "context", "relay.test")
    relay.ok("create", "context", "a")
    assert "a (" in relay.refused("exists", "create", "context", "a")
