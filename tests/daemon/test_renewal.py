"""Renewal of certificates."""

from __future__ import annotations

import asyncio

import pytest

from tests.kit.clock import run
from tunnel_whisperer.base.errors import Misuse
from tunnel_whisperer.daemon.renewal import renew_daily


def test_it_happens_each_day_whatever_the_day_before_brought(caplog: pytest.LogCaptureFixture) -> None:
    days: list[float] = []

    def renew() -> None:
        days.append(asyncio.get_running_loop().time())
        if len(days) == 1:
            raise Misuse("state-not-written", "no space left")

    async def main() -> None:
        began = asyncio.get_running_loop().time()
        task = asyncio.get_running_loop().create_task(renew_daily(renew))
        await asyncio.sleep(2.5 * 86_400)
        task.cancel()
        await asyncio.wait((task,))
        assert [day - began for day in days] == [86_400, 2 * 86_400]

    run(main(), timeout_s=1e6)
    assert "no space left" in caplog.text
