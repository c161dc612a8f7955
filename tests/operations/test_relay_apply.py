"""What is different on a relay's machine, and the healing of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from tunnel_whisperer.base.errors import Misuse
from tunnel_whisperer.daemon.standard_relay import StandardRelay
from tunnel_whisperer.operations.relay_apply import apply_relay, what_differs
from tunnel_whisperer.profile import Profile
from tunnel_whisperer.provision.standard import Difference
from tunnel_whisperer.tenancy import make_relay_identity, make_standard_relay_identity


def test_a_difference_is_told_in_words_and_healed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    there = [Difference(stopped=("caddy",))]

    async def drift(relay: StandardRelay) -> Difference:
        return there[0]

    async def apply(relay: StandardRelay, on_step: Callable[[str], None]) -> Difference:
        if there[0]:
            on_step("starting caddy")
        found, there[0] = there[0], Difference()
        return found

    monkeypatch.setattr(StandardRelay, "drift", drift)
    monkeypatch.setattr(StandardRelay, "apply", apply)
    profile = Profile(tmp_path)
    config = make_standard_relay_identity(profile, "relay.example.org")
    told: list[tuple[str, ...]] = []

    def tell(part: str, state: str, words: str, hint: str = "", /) -> None:
        told.append((part, state, words))

    assert asyncio.run(what_differs(profile, config)) == ("caddy does not run",)
    assert asyncio.run(apply_relay(profile, config, tell))
    assert told == [("machine", "started", "starting caddy"), ("machine", "done", "changed")]
    assert asyncio.run(what_differs(profile, config)) == ()
    assert not asyncio.run(apply_relay(profile, config))


def test_a_relay_of_this_machine_has_none(tmp_path: Path) -> None:
    profile = Profile(tmp_path)
    config = make_relay_identity(profile, "relay.test")
    for act in (what_differs(profile, config), apply_relay(profile, config)):
        with pytest.raises(Misuse) as refused:
            asyncio.run(act)
        assert refused.value.code == "wrong-role"
