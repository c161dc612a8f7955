"""The network doctor as a value, with its letter."""

from __future__ import annotations

import asyncio
import math
from pathlib import Path

import pytest

from tests.doctor.doubles import closed_port
from tests.kit.clock import real_run
from tunnel_whisperer.base.errors import Misuse
from tunnel_whisperer.doctor import Step
from tunnel_whisperer.operations.network_testing import look_at_network
from tunnel_whisperer.profile import Profile


def test_a_network_that_lets_nothing_through_has_a_letter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)

    async def main() -> None:
        address, told = await closed_port(), list[Step]()
        outcome = await look_at_network(Profile(tmp_path), str(address), told.append, silent_s=0)
        value = outcome.to_json()
        assert (value["relay"], value["ok"]) == (str(address), False)
        assert f"127.0.0.1, TCP port {address.port}" in str(value["letter"])
        assert tuple(told) == outcome.report.steps != ()

    real_run(main())


@pytest.mark.parametrize("silent_s", [-1.0, 3601.0, math.nan])
def test_a_time_that_is_none_is_refused(tmp_path: Path, silent_s: float) -> None:
    with pytest.raises(Misuse) as refused:
        asyncio.run(look_at_network(Profile(tmp_path), "relay.test", lambda step: None, silent_s=silent_s))
    assert refused.value.code == "bad-argument"


def test_without_a_host_an_identity_is_needed_that_can_be_read(tmp_path: Path) -> None:
    with pytest.raises(Misuse) as refused:
        asyncio.run(look_at_network(Profile(tmp_path), "", lambda step: None))
    assert refused.value.code == "not-set-up"
    (tmp_path / "config.yaml").write_text("mode: [")
    with pytest.raises(Misuse) as refused:
        asyncio.run(look_at_network(Profile(tmp_path), "", lambda step: None))
    assert refused.value.code == "bad-config"
