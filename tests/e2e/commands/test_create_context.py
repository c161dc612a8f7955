from __future__ import annotations

import json
import signal
import subprocess
import time

import pytest

from tests.e2e.commands.conftest import MachineFactory

pytestmark = pytest.mark.e2e


def test_two_roles_live_on_one_machine(machine: MachineFactory) -> None:
    one = machine("one")
    assert "is active now: no role yet" in one.ok("create", "context", "plant")
    one.ok("join", "relay.test", "--id", "plant")
    one.ok("create", "context", "lab")
    one.ok("join", "relay.test", "--id", "lab")
    found = json.loads(one.ok("list", "contexts", "--json"))
    assert [(each["name"], each["role"]) for each in found] == [("lab", "server"), ("plant", "server")]
    one.refused("wrong-role", "list", "servers")


def test_of_two_at_the_same_time_one_gets_the_name(machine: MachineFactory) -> None:
    one = machine("one")
    both = [
        subprocess.Popen(
            one.command("create", "context", "plant"),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=one.environment(),
        )
        for _ in range(2)
    ]
    told = [process.communicate(timeout=60) for process in both]
    assert sorted(process.returncode for process in both) == [0, 2]
    assert sum("tw: exists: " in err for _, err in told) == 1
    assert len(one.ok("list", "contexts").splitlines()) == 2


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_ended_in_the_middle_it_was_made_or_not(machine: MachineFactory, number: signal.Signals) -> None:
    one = machine("one")
    for n in range(4):
        process = subprocess.Popen(
            one.command("create", "context", f"c{n}"),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            env=one.environment(),
        )
        deadline = time.monotonic() + 30
        contexts = one.directory / "contexts"
        while not contexts.exists() or len(list(contexts.iterdir())) < 2 + n:
            assert time.monotonic() < deadline
        process.send_signal(number)
        _, err = process.communicate(timeout=60)
        assert "Traceback" not in err
        names = [found["name"] for found in json.loads(one.ok("list", "contexts", "--json"))]
        assert set(names) <= {f"c{k}" for k in range(n + 1)}
        assert not list(contexts.glob(".new-*"))
        one.tw("create", "context", f"c{n}")
        assert f"c{n}" in one.ok("list", "contexts")
