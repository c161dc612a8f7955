"""What a running role has counted since its start, as values; and the tallies that count by label.

Up is towards the target, down is from it, at every role: as the log and the audit record have it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Generic, TypeVar

from .limits import MAX_COUNTED_LABELS

__all__ = ["OTHER", "Counters", "Refusals", "SessionCounters", "Tally", "Traffic", "UserSessions"]

OTHER = "other"
"""Stands for all users, or tenants, that came when enough were told apart."""

K = TypeVar("K")


class Tally(Generic[K]):
    """Numbers that only grow, by label; of a bounded number of labels, whatever peers do.

    Args:
        width: how many numbers each label has.
        other: the label for all that come when there are ``max_labels``.
    """

    def __init__(self, width: int, other: K, max_labels: int = MAX_COUNTED_LABELS) -> None:
        self._width = width
        self._other = other
        self._max_labels = max_labels
        self._numbers: dict[K, list[int]] = {}

    def add(self, label: K, *amounts: int) -> None:
        """Add to the numbers of ``label``, one amount for each."""
        numbers = self._numbers.get(label)
        if numbers is None:
            if len(self._numbers) >= self._max_labels:
                label = self._other
            numbers = self._numbers.setdefault(label, [0] * self._width)
        for index, amount in enumerate(amounts):
            numbers[index] += amount

    def copy(self) -> Tally[K]:
        """One that is counted on apart from this."""
        made = Tally[K](self._width, self._other, self._max_labels)
        made._numbers = {label: list(numbers) for label, numbers in self._numbers.items()}
        return made

    def items(self) -> Iterator[tuple[K, tuple[int, ...]]]:
        """Each label, in the order in which they came, and its numbers."""
        return ((label, tuple(numbers)) for label, numbers in self._numbers.items())


@dataclass(frozen=True, slots=True)
class SessionCounters:
    """The one session that a client or a server keeps up."""

    up: bool
    opened: int
    """How many there were."""
    recoveries: int
    """How often it came back after it was lost."""
    last_recovery_s: float | None
    """From losing it to having it again, the last time; None: it was not lost yet."""
    recovery_sum_s: float
    """Of all times."""
    round_trip_s: float | None
    """To the other end of the session and back, measured last; None: not yet, or it is not up."""


@dataclass(frozen=True, slots=True)
class Traffic:
    """Connections and their bytes under one label."""

    user: str = ""
    """At a server: whose they are."""
    tenant: str = ""
    """At a relay: the id of the server that they lead to."""
    port: int = 0
    """At a server the port of the target, at a client the local one; 0 at a relay, and for what is
    not told apart any more."""
    up: int = 0
    """Bytes."""
    down: int = 0
    """Bytes."""
    open: int = 0
    """Connections now."""
    opened: int = 0
    """Connections since the start."""


@dataclass(frozen=True, slots=True)
class UserSessions:
    """Sessions of one user at a server, or of one tenant's server at a relay."""

    name: str
    open: int
    opened: int


@dataclass(frozen=True, slots=True)
class Refusals:
    """What was not granted, or did not work, under one label."""

    what: str
    """``connection``, ``request``, ``stream``, ``login``, ``listener`` or ``channel``."""
    reason: str
    """An error code, or one of a few words of our own."""
    count: int


@dataclass(frozen=True, slots=True)
class Counters:
    """All that a role counts. What a role does not have is empty."""

    role: str
    started: float = 0.0
    """Unix time; a smaller number than before means nothing but a new start."""
    session: SessionCounters | None = None
    traffic: tuple[Traffic, ...] = ()
    sessions: tuple[UserSessions, ...] = ()
    refusals: tuple[Refusals, ...] = ()
    connections: int = 0
    """A relay's, open now, those in their handshake included."""
    connections_opened: int = 0
    """A relay's, since the start."""
    tenants: int = 0
    """Enrolled at a relay."""
    tenants_online: int = 0
    """Of these, whose server is there."""

    def to_json(self) -> dict[str, Any]:
        """As the API tells it."""
        return asdict(self)
