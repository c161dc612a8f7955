"""The audit record of a role that runs."""

from __future__ import annotations

import asyncio
import errno
import json
from pathlib import Path
from typing import Any

import pytest

from tests.kit.clock import real_run
from tunnel_whisperer.audit import select, verify
from tunnel_whisperer.daemon.auditing import RoleAudit
from tunnel_whisperer.profile import Profile


def _events(profile: Profile) -> list[str]:
    return [record.event for record in select(profile.audit, lambda record: True)]


def test_the_life_of_a_role_is_recorded_with_all_that_happened_in_it(tmp_path: Path) -> None:
    profile = Profile(tmp_path)

    async def main() -> None:
        audit = RoleAudit(profile, "server")
        audit.start()
        audit("login", "user:alice", session="abc")
        await audit.stop("stopped")

    real_run(main())
    assert _events(profile) == ["role-started", "login", "role-stopped"]
    assert verify(profile.audit).broken is None


def test_a_role_that_was_never_started_leaves_nothing(tmp_path: Path) -> None:
    async def main() -> None:
        audit = RoleAudit(Profile(tmp_path), "server")
        audit("login", "user:alice")
        await audit.stop("port in use")

    real_run(main())
    assert not list(tmp_path.iterdir())


def test_a_full_disk_shows_in_the_health_and_is_over_with_space(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tunnel_whisperer.audit.writer._TICK_S", 0.01)
    profile = Profile(tmp_path)

    def full(*_: Any) -> Any:
        raise OSError(errno.ENOSPC, "No space left on device")

    async def main() -> None:
        audit = RoleAudit(profile, "server")
        assert audit.rows() == []
        with monkeypatch.context() as patch:
            patch.setattr("tunnel_whisperer.audit.chain._write", full)
            audit.start()
            while not audit.to_json()["lost"]:
                await asyncio.sleep(0.01)
            (row,) = audit.rows()
            assert (row["layer"], row["state"]) == ("audit", "failed")
            assert "sessions go on" in json.dumps(row)
        while audit.rows():
            await asyncio.sleep(0.01)
        await audit.stop("stopped")

    real_run(main())
    assert _events(profile) == ["gap", "role-stopped"]
