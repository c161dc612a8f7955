from __future__ import annotations

import pytest

from tests.e2e.commands.conftest import MachineFactory

pytestmark = pytest.mark.e2e


def test_a_context_goes_by_its_new_name(machine: MachineFactory) -> None:
    one = machine("one")
    one.ok("join", "relay.test", "--id", "plant")
    one.ok("rename", "context", "plant", "north")
    assert "north (base)" in one.ok("use", "north")
    one.refused("no-such-name", "use", "plant")
    for name in ("../x", "a/b", "ü", "x" * 300, ""):
        one.refused("bad-argument", "rename", "context", "north", name)
