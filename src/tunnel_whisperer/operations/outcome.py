"""What a test of steps came to, as a value; the steps themselves are told while it goes on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..doctor import Report, State

__all__ = ["Outcome"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """A test that is over."""

    about: Mapping[str, object]
    """What was tested."""
    report: Report
    """Its steps, and the failure that ended it."""
    follows: Mapping[str, object] = field(default_factory=dict)
    """What there is to say of it besides."""

    @property
    def verdict(self) -> str:
        """In words, where nothing failed."""
        notes = any(step.state is State.NOTE for step in self.report.steps)
        return "it works; see the notes" if notes else "all is well"

    def to_json(self) -> dict[str, object]:
        """For programs."""
        steps = [step.to_json() for step in self.report.steps]
        return {**self.about, "ok": self.report.failure is None, "steps": steps, **self.follows}
