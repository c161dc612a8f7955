"""The machine of a standard relay, as its administrator finds it."""

from __future__ import annotations

import pytest

from tests.kit.clock import run
from tunnel_whisperer.base.errors import Refused
from tunnel_whisperer.doctor.machine import check_machine


def _look(*faults: str) -> None:
    async def look() -> list[str]:
        return list(faults)

    run(check_machine(look, "relay.example"))


def test_a_machine_as_it_should_be_is_fine() -> None:
    _look()


def test_what_differs_is_told_and_how_to_mend_it() -> None:
    with pytest.raises(Refused, match=r"relay\.example: a; b; c, and 2 more") as caught:
        _look("a", "b", "c", "d", "e")
    assert caught.value.code == "relay-differs" and "tw apply" in caught.value.hint
    with pytest.raises(Refused, match=r"relay\.example: a$"):
        _look("a")
