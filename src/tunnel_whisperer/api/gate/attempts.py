"""How often somebody may fail to log in. Pure: time is an argument.

An address has a few failures for nothing. From then on it must wait, each time twice as long; who
asks sooner is refused with the time that is left, and nothing is looked at. All addresses together
have an allowance that refills, for a guesser may have many. An attempt counts as failed from its
beginning until it proved good, so that a hundred at once are no way around.
"""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from dataclasses import dataclass

from ...base.limits import (
    LOGIN_BURST,
    LOGIN_FORGET_S,
    LOGIN_FREE_FAILURES,
    LOGIN_PAUSE_S,
    LOGIN_REFILL_S,
    MAX_LOGIN_ADDRESSES,
)

__all__ = ["Attempts", "origin_of"]


@dataclass(slots=True)
class _Failures:
    count: int
    last: float

    def next_at(self) -> float:
        """When this address may try again."""
        over = self.count - LOGIN_FREE_FAILURES
        return self.last if over < 0 else self.last + min(2.0 ** min(over, 30), LOGIN_PAUSE_S)


class Attempts:
    """The failed logins of a while, by address and in total."""

    def __init__(self) -> None:
        self._failures: OrderedDict[str, _Failures] = OrderedDict()
        self._left = float(LOGIN_BURST)
        self._refilled_at: float | None = None

    def begin(self, address: str, now: float) -> float:
        """Take up an attempt.

        Args:
            address: of who asks, as the socket has it.
            now: seconds that only go forward.

        Returns:
            0 when it may go on, and counts as failed until ``succeeded``; else the seconds to wait.
        """
        self._refill(now)
        key = origin_of(address)
        failures = self._failures.get(key)
        if failures is not None and now - failures.last >= LOGIN_FORGET_S:
            del self._failures[key]
            failures = None
        if failures is not None and (wait := failures.next_at() - now) > 0:
            return wait
        if self._left < 1:
            return (1 - self._left) * LOGIN_REFILL_S
        self._left -= 1
        if failures is None:
            failures = self._failures[key] = _Failures(0, now)
        failures.count += 1
        failures.last = now
        self._failures.move_to_end(key)
        if len(self._failures) > MAX_LOGIN_ADDRESSES:
            self._failures.popitem(last=False)
        return 0.0

    def succeeded(self, address: str) -> None:
        """The attempt was good: its address begins anew, and all others get its place back."""
        self._failures.pop(origin_of(address), None)
        self._left = min(float(LOGIN_BURST), self._left + 1)

    def _refill(self, now: float) -> None:
        if self._refilled_at is not None:
            gone = max(0.0, now - self._refilled_at)
            self._left = min(float(LOGIN_BURST), self._left + gone / LOGIN_REFILL_S)
        self._refilled_at = now

    def __len__(self) -> int:
        return len(self._failures)


def origin_of(address: str) -> str:
    """Who counts as one: an IPv4 address; a /64 of IPv6, which is what one line gets (RFC 6177)."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return ""
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((int(parsed), 64), strict=False))
