"""Which relays have a machine that must be told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from tunnel_whisperer.base.errors import Misuse
from tunnel_whisperer.daemon.standard_relay import StandardRelay
from tunnel_whisperer.operations.relay_machine import bring_to_machine, need_embedded, need_standard
from tunnel_whisperer.profile import Profile
from tunnel_whisperer.provision.standard import Difference
from tunnel_whisperer.tenancy import make_relay_identity, make_standard_relay_identity


def test_a_standard_relays_machine_is_told_and_says_whether_there_was_anything_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = [Difference(stopped=("caddy",)), Difference()]

    async def apply(relay: StandardRelay, on_step: Callable[[str], None]) -> Difference:
        on_step("looking")
        return answers.pop(0)

    monkeypatch.setattr(StandardRelay, "apply", apply)
    profile, said = Profile(tmp_path), list[str]()
    config = make_standard_relay_identity(profile, "relay.example.org")
    assert asyncio.run(bring_to_machine(profile, config, said.append))
    assert not asyncio.run(bring_to_machine(profile, config))
    assert said == ["looking"]
    need_standard(profile, config, "")
    with pytest.raises(Misuse, match="runs none of our programs"):
        need_embedded(config, "an invitation", "do otherwise")


def test_an_embedded_one_looks_by_itself(tmp_path: Path) -> None:
    profile = Profile(tmp_path)
    config = make_relay_identity(profile, "relay.test")
    assert not asyncio.run(bring_to_machine(profile, config))
    need_embedded(config, "an invitation", "do otherwise")
    with pytest.raises(Misuse, match=r"relay\.test runs on this machine, so"):
        need_standard(profile, config, ", so there is nothing")
