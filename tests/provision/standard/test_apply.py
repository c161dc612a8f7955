"""Ask, compare, change, ask again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from tests.provision.standard.sites import site
from tunnel_whisperer.base.errors import Broken, Refused
from tunnel_whisperer.provision.standard import apply, drift, files
from tunnel_whisperer.provision.standard.machine_state import state_script

SITE = site()


class Machine:
    """Answers as one that takes what it is given; ``answer`` is what it says to a change."""

    def __init__(self, answer: tuple[str, ...] = ("step one", "step two", "done"), status: int = 0) -> None:
        self.scripts: list[str] = []
        self._answer = answer
        self._status = status
        self.right = False
        self.takes = True

    async def run(self, script: str, on_line: Callable[[str], None]) -> int:
        self.scripts.append(script)
        if script == state_script(SITE.layout):
            for line in self._state():
                on_line(line)
            return 0
        for line in self._answer:
            on_line(line)
        self.right = self.takes and self._status == 0
        return self._status

    def _state(self) -> list[str]:
        lines = [f"service {name} active" for name in ("caddy", "xray", "ssh")]
        if self.right:
            lines += [f"file {file.digest} {file.path}" for file in files(SITE)]
            for tenant in SITE.tenants:
                lines += [f"inbound {tenant.tag}", f"user {tenant.tag} {tenant.server_mark}"]
        return [*lines, "end"]


def _apply(machine: Machine) -> list[str]:
    steps: list[str] = []
    asyncio.run(apply(SITE, machine.run, steps.append))
    return steps


def test_steps_are_told_and_the_result_is_looked_at() -> None:
    machine = Machine()
    assert _apply(machine) == ["one", "two"] and len(machine.scripts) == 3


def test_a_machine_does_not_get_at_the_terminal() -> None:
    told = _apply(Machine(("step \x1b]0;owned\x07 " + "x" * 1000, "done")))
    assert told == ["?]0;owned? " + "x" * 189]


def test_nothing_is_sent_to_a_machine_that_is_right() -> None:
    machine = Machine()
    machine.right = True
    assert _apply(machine) == [] and len(machine.scripts) == 1
    assert not asyncio.run(drift(SITE, machine.run))


@pytest.mark.parametrize(
    ("answer", "status", "words"),
    [
        (("step one", "failed asking Caddy"), 1, "asking Caddy"),
        (("failed another change is under way",), 75, "another change"),
        (("step one",), 137, "status 137"),
        ((), 1, "status 1"),
    ],
)
def test_a_change_that_fails_is_named(answer: tuple[str, ...], status: int, words: str) -> None:
    with pytest.raises(Refused, match=words) as caught:
        _apply(Machine(answer, status))
    assert caught.value.code == "not-applied" and caught.value.hint


def test_a_machine_that_says_done_and_is_not_is_a_fault_of_ours() -> None:
    machine = Machine()
    machine.takes = False
    with pytest.raises(Broken, match="is not as it should be"):
        _apply(machine)
