"""What a request may touch: the supervisor and what it holds, the log, the end of it all."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import Depends
from starlette.requests import HTTPConnection

from ..base.counters import Counters
from ..base.log_ring import LogRing
from ..daemon.changes import Topic
from ..daemon.supervisor import Supervisor, users_stamp
from ..operations.user_list import FiledUsers, filed_users
from ..profile import Config, Contexts, Profile, load_config
from .remembered import Remembered

__all__ = ["House", "InHouse", "Live", "RoleConfig", "config_of", "house_of", "live_of"]

_FRESH_S = 0.2
"""Fifty pages that are told of one change at once cause one look."""


class House:
    """All that one process has; belongs to its event loop.

    Args:
        supervisor: of the role.
        log: the last lines.
        clock: seconds that never go back.
    """

    def __init__(
        self, supervisor: Supervisor, log: LogRing, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.supervisor = supervisor
        self.log = log
        self.closing = asyncio.Event()
        """Set when the process ends: whoever streams has to stop."""
        self.doors: Any = None
        """The listeners of this process (``doors.Doors``), once they are made."""
        self.notices: object | None = None
        """The dashboard's: what its next pages have to say."""
        self._clock = clock
        self._live: dict[str, Any] | None = None
        self._live_at = float("-inf")
        self._live_of: object = None
        self._filed: Remembered[FiledUsers] = Remembered(clock)

    @property
    def contexts(self) -> Contexts:
        """The identities of this machine."""
        return self.supervisor.contexts

    @property
    def profile(self) -> Profile:
        """The identity that is served."""
        return self.supervisor.profile

    def live(self) -> dict[str, Any] | None:
        """How the role stands, a fifth of a second old at most; None where none runs. On the loop."""
        now, root = self._clock(), self.supervisor.root
        if now - self._live_at >= _FRESH_S or root is not self._live_of:
            self._live, self._live_at, self._live_of = self.supervisor.snapshot(), now, root
        return self._live

    def filed_users(self) -> FiledUsers:
        """A server's users as their files have them now, but for what another program changed in the last
        second of those who are not let in. From any thread.

        Raises:
            Misuse: as ``operations.user_list.filed_users``.
        """
        profile, changes = self.profile, self.supervisor.changes
        return self._filed.get(
            lambda: (profile.directory, changes.last_of(Topic.USERS), users_stamp(profile)),
            lambda: filed_users(profile),
        )

    def counters(self) -> Counters | None:
        """What the running role has counted; None where none runs. On the loop."""
        root = self.supervisor.root
        found = None if root is None or self.live() is None else root.counters()
        return found if isinstance(found, Counters) else None  # a role that a test plays counts nothing


def house_of(connection: HTTPConnection) -> House:
    """The house that this app was built for."""
    house: House = connection.app.state.house
    return house


async def _in_house(connection: HTTPConnection) -> House:
    """On the loop: as a plain function it would wait for a thread, of which there are few, and then
    nobody could even stop the role while some of them are held up."""
    return house_of(connection)


InHouse = Annotated[House, Depends(_in_house)]


async def live_of(house: InHouse) -> dict[str, Any] | None:
    """On the loop, where the role's objects do not change meanwhile."""
    return house.live()


Live = Annotated[dict[str, Any] | None, Depends(live_of)]


def config_of(house: InHouse) -> Config:
    """config.yaml as it is now.

    Raises:
        Misuse: ``not-set-up``, ``bad-config``.
    """
    return load_config(house.profile.config)


RoleConfig = Annotated[Config, Depends(config_of)]
