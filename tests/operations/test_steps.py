"""How a failure is told."""

from __future__ import annotations

from tunnel_whisperer.base.errors import Unreachable
from tunnel_whisperer.operations.steps import FAILED, quiet, tell_failure


def test_a_failure_is_told_with_what_to_do() -> None:
    told: list[tuple[str, ...]] = []

    def tell(part: str, state: str, words: str, hint: str = "", /) -> None:
        told.append((part, state, words, hint))

    tell_failure(tell, "dns", Unreachable("timeout", "no answer", where="relay", hint="wait"))
    assert told == [("dns", FAILED, "relay: no answer", "wait")]
    tell_failure(quiet, "dns", Unreachable("timeout", "no answer"))
