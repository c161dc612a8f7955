"""The audit record of a role that runs: begun, handed to the data path, ended."""

from __future__ import annotations

import asyncio

from ..audit import AuditWriter, Chain
from ..base.audit_events import AuditValue
from ..base.errors import Misuse
from ..profile import Profile
from .health import FAILED, row

__all__ = ["RoleAudit"]


class RoleAudit:
    """An ``Audit``, from ``start`` to ``stop``.

    Args:
        profile: of the role.
        role: ``server`` or ``relay``.
    """

    def __init__(self, profile: Profile, role: str) -> None:
        self._profile = profile
        self._role = role
        self._writer = AuditWriter(Chain(profile.audit))
        self._started = False

    def __call__(self, event: str, who: str, /, **fields: AuditValue) -> None:
        """See ``base.audit_events.Audit``."""
        self._writer(event, who, **fields)

    def start(self) -> None:
        """The role begins."""
        self._started = True
        self._writer("role-started", "tw", role=self._role)
        self._writer.start()

    async def stop(self, why: str) -> None:
        """The role has ended: what waits is written. Nothing for one that was not started."""
        if not self._started:
            return
        self._started = False
        self._writer("role-stopped", "tw", role=self._role, why=why)
        await asyncio.to_thread(self._writer.close)

    def to_json(self) -> dict[str, object]:
        """For a snapshot: ``records``, ``hash`` of the last, ``lost``, ``lost_since``, ``failing``."""
        return {**self._writer.state.to_json(), "failing": self._writer.failing}

    def rows(self) -> list[dict[str, object]]:
        """For the health: nothing while all is well."""
        value = self.to_json()
        if not (value["failing"] or value["lost"]):
            return []
        error = Misuse(
            "state-not-written",
            f"records that could not be written: {value['lost']}; sessions go on",
            where=str(self._profile.audit),
            hint="free space on that disk; the log says what was wrong",
        )
        return [row("audit", FAILED, "the audit record", error)]
