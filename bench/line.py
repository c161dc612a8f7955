"""One line of the table: a figure of each stack, a bar, and whether it was reached."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["Bar", "Figures", "Line", "at_least", "at_most", "judged", "not_measured"]

Figures = Mapping[str, list[float]]
"""What each stack gave in each round, by the stack's name."""


@dataclass(frozen=True, slots=True)
class Bar:
    """A limit for a ratio (or, where there is nothing to compare with, for the figure itself)."""

    limit: float
    at_least: bool
    of: str
    """What the ratio is taken to: a stack's name, or words."""

    def __str__(self) -> str:
        sign = ">=" if self.at_least else "<="
        return f"{sign} {self.limit:g} x {self.of}"

    def reached(self, ratio: float) -> bool:
        """Whether this is good enough."""
        return ratio >= self.limit if self.at_least else ratio <= self.limit


def at_least(limit: float, of: str) -> Bar:
    """More is better."""
    return Bar(limit, True, of)


def at_most(limit: float, of: str) -> Bar:
    """Less is better."""
    return Bar(limit, False, of)


@dataclass(frozen=True, slots=True)
class Line:
    """One line."""

    row: str
    unit: str
    figures: dict[str, float]
    """Median per stack."""
    ratio: float | None = None
    bar: str = ""
    verdict: bool | None = None
    """None: only for information, or not measured."""
    note: str = ""
    rounds: dict[str, list[float]] = field(default_factory=dict)


def judged(
    row: str, unit: str, figures: Figures, bar: Bar, *, base: float | None = None, note: str = ""
) -> Line:
    """Ours against the bar.

    Args:
        base: what the ratio is taken to; the figure of the stack that the bar names by default.
    """
    medians = {name: statistics.median(values) for name, values in figures.items() if values}
    base = medians.get(bar.of) if base is None else base
    rounds = {name: list(values) for name, values in figures.items()}
    if "ours" not in medians or not base:
        return Line(row, unit, medians, None, str(bar), None, note or f"no figure of {bar.of}", rounds)
    ratio = medians["ours"] / base
    return Line(row, unit, medians, ratio, str(bar), bar.reached(ratio), note, rounds)


def not_measured(row: str, reason: str) -> Line:
    """A line that says why it is empty."""
    return Line(row, "", {}, note=f"not measured: {reason}")
