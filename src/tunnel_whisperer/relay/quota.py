"""What one tenant may take of the relay: streams at once and streams per second, by user.

The relay knows its users by their certificates alone, and a tenant can make as many of these as it
likes; so what a user is kept from is kept from the tenant as a whole, too, with larger numbers.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from uuid import UUID

from ..base.errors import Unreachable
from ..base.limits import (
    MAX_STREAMS_PER_TENANT,
    MAX_STREAMS_PER_USER,
    TENANT_STREAMS_BURST,
    TENANT_STREAMS_PER_S,
    USER_STREAMS_BURST,
    USER_STREAMS_PER_S,
)
from ..net.h2_windows import Allowance

__all__ = ["Quota"]


class Quota:
    """Counts the streams of one tenant."""

    def __init__(self) -> None:
        self._streams: Counter[UUID | None] = Counter()
        self._pace: Allowance | None = None
        self._paces: OrderedDict[UUID | None, Allowance] = OrderedDict()
        self._told = False

    @property
    def remembered(self) -> int:
        """Users whose pace is known."""
        return len(self._paces)

    def enter(self, user: UUID | None, now: float) -> None:
        """A stream begins.

        Args:
            user: named by the certificate; those without a name count as one.
            now: seconds, monotonic.

        Raises:
            Unreachable: ``too-many``.
        """
        if self._pace is None:
            self._pace = Allowance(TENANT_STREAMS_BURST, TENANT_STREAMS_PER_S, now)
        if self._streams.total() >= MAX_STREAMS_PER_TENANT:
            raise Unreachable("too-many", f"this server has {MAX_STREAMS_PER_TENANT} streams already")
        if self._streams[user] >= MAX_STREAMS_PER_USER:
            raise Unreachable("too-many", f"this user has {MAX_STREAMS_PER_USER} streams already")
        if not self._pace_of(user, now).use(now):
            raise Unreachable("too-many", "this user opens streams too fast")
        if not self._pace.use(now):
            raise Unreachable("too-many", "this server's users open streams too fast")
        self._streams[user] += 1
        self._told = False

    def _pace_of(self, user: UUID | None, now: float) -> Allowance:
        pace = self._paces.get(user)
        if pace is None:
            pace = self._paces[user] = Allowance(USER_STREAMS_BURST, USER_STREAMS_PER_S, now)
            if len(self._paces) > MAX_STREAMS_PER_TENANT:
                self._paces.popitem(last=False)
        self._paces.move_to_end(user)
        return pace

    def leave(self, user: UUID | None) -> None:
        """A stream is over."""
        self._streams[user] -= 1
        if self._streams[user] <= 0:
            del self._streams[user]

    def is_news(self) -> bool:
        """Whether a refusal is the first since somebody was let in: the others would fill the log."""
        told, self._told = self._told, True
        return not told
