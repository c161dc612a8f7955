"""One piece of work at a relay's machine at a time."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.kit.clock import real_run
from tests.kit.house import open_house
from tunnel_whisperer.api.machine_jobs import (
    CHANGE,
    DESTROY,
    MAKE,
    job_document,
    last_at_machine,
    need_idle_machine,
    start_at_machine,
    start_change,
)
from tunnel_whisperer.base.errors import Misuse
from tunnel_whisperer.profile import Profile
from tunnel_whisperer.tenancy import make_relay_identity


def test_another_kind_waits_as_well_and_what_is_elsewhere_does_not(tmp_path: Path) -> None:
    config = make_relay_identity(Profile(tmp_path), "relay.test", listen="127.0.0.1:8443")
    go_on = asyncio.Event()

    async def work(tell: Any) -> None:
        await go_on.wait()

    async def main() -> None:
        async with open_house(tmp_path) as (house, _):
            assert last_at_machine(house) is None
            need_idle_machine(house)
            house.supervisor.jobs.start("test-relay", "a test", work)
            need_idle_machine(house)
            job = start_at_machine(house, MAKE, "making it", work)
            for act in (
                lambda: start_at_machine(house, DESTROY, "removing it", work),
                lambda: start_change(house, config, "a change"),
                lambda: need_idle_machine(house),
            ):
                with pytest.raises(Misuse) as refused:
                    act()
                assert refused.value.code == "already-running" and "making it" in refused.value.why
            go_on.set()
            async with asyncio.timeout(5):
                while job.state.value == "running":
                    await asyncio.sleep(0)
            assert last_at_machine(house) is job and job_document(job).state == "done"
            change = start_change(house, config, "a change")
            assert last_at_machine(house) is change and change.kind == CHANGE
            async with asyncio.timeout(5):
                while change.state.value == "running":
                    await asyncio.sleep(0)
            assert change.result == {"changed": False}, "a relay of this machine needs nothing brought"

    real_run(main())
