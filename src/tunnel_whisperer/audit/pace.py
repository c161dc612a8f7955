"""How fast one peer may fill the record; what comes above is counted, and told in one record.

Pure: time is an argument. A pace is kept for each event of each ``who``, and for each target that
somebody was let in to, so that the sums are of one target.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field

from ..base.audit_events import AuditValue
from ..base.limits import (
    AUDIT_BURST,
    AUDIT_PER_S,
    AUDIT_REFUSALS_BURST,
    AUDIT_REFUSALS_PER_S,
    AUDIT_SUMMARY_S,
    MAX_AUDIT_PACES,
)
from .record import Note, stamp

__all__ = ["Pace"]

_SUMMED = ("bytes_up", "bytes_down")

_PER_TARGET = frozenset({"channel-closed", "channel-opened"})
"""Their targets were granted, so there are few; those that are refused are a peer's own choice."""

_Kind = tuple[str, str, str]
"""Event, who, target or nothing."""


def _kind_of(note: Note) -> _Kind:
    target = note.fields.get("target") if note.event in _PER_TARGET else None
    return note.event, note.who, target if isinstance(target, str) else ""


@dataclass(slots=True)
class _Counted:
    """The notes of one kind that were not let through."""

    left: float
    """Notes that may come now."""
    checked_at: float
    count: int = 0
    since: float = 0.0
    until: float = 0.0
    sums: dict[str, int] = field(default_factory=dict)

    def refill(self, burst: int, per_s: float, now: float) -> None:
        self.left = min(burst, self.left + max(0.0, now - self.checked_at) * per_s)
        self.checked_at = now

    def add(self, note: Note) -> None:
        self.since = self.since if self.count else note.at
        self.until = note.at
        self.count += 1
        for name in _SUMMED:
            value = note.fields.get(name)
            if isinstance(value, int):
                self.sums[name] = self.sums.get(name, 0) + value


class Pace:
    """Lets notes through, or counts them."""

    def __init__(self) -> None:
        self._kinds: OrderedDict[_Kind, _Counted] = OrderedDict()

    def take(self, note: Note) -> list[Note]:
        """What to write now: the note, or nothing; and the summary of a kind that is forgotten."""
        refusal = note.event.endswith("-refused")
        burst = AUDIT_REFUSALS_BURST if refusal else AUDIT_BURST
        per_s = AUDIT_REFUSALS_PER_S if refusal else AUDIT_PER_S
        key = _kind_of(note)
        kind = self._kinds.setdefault(key, _Counted(float(burst), note.at))
        self._kinds.move_to_end(key)
        kind.refill(burst, per_s, note.at)
        forgotten = self._forget()
        if kind.left < 1 or kind.count:  # in order: what was counted is told first
            kind.add(note)
            return forgotten
        kind.left -= 1
        return [*forgotten, note]

    def _forget(self) -> list[Note]:
        if len(self._kinds) <= MAX_AUDIT_PACES:
            return []
        key, kind = self._kinds.popitem(last=False)
        return [_summary(key, kind)] if kind.count else []

    def due(self, now: float, *, at_last: bool = False) -> list[Note]:
        """Summaries that are to be written.

        Args:
            at_last: all of them, whatever their age.
        """
        found = []
        for key, kind in self._kinds.items():
            # A clock that was set back must not silence them.
            if kind.count and (at_last or not 0 <= now - kind.since < AUDIT_SUMMARY_S):
                found.append(_summary(key, kind))
                kind.left = max(0.0, kind.left - 1)  # a summary is a record, too
                kind.count = 0
                kind.sums.clear()
        return found


def _summary(key: _Kind, kind: _Counted) -> Note:
    event, who, target = key
    fields: dict[str, AuditValue] = {
        "count": kind.count,
        "since": stamp(kind.since),
        "until": stamp(kind.until),
    }
    if target:
        fields["target"] = target
    return Note(event, who, kind.until, {**fields, **kind.sums})
