"""From rates over time to the geometry of a stacked chart. Pure.

The time is cut into buckets of equal length at round times, so that a chart which is drawn again a
moment later has not changed its shape. Where nothing was measured (no role ran, the machine slept)
there is a hole, not a zero. Areas are steps: a rate is the mean of its bucket, and nothing is known
of the time inside it.

Coordinates are 0 to ``WIDTH`` and 0 to ``HEIGHT``, from the upper left; the page stretches them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["HEIGHT", "WIDTH", "Area", "Buckets", "Panel", "nice_ceiling", "panel", "position", "tick_times"]

WIDTH = 1000
HEIGHT = 200

Rates = Sequence[float | None]


@dataclass(frozen=True, slots=True)
class Buckets:
    """Equal parts of a span of time.

    Args:
        now: Unix time; the last bucket holds it.
        span_s: how far back.
        count: of buckets.
    """

    now: float
    span_s: float
    count: int

    @property
    def length_s(self) -> float:
        """Of each."""
        return self.span_s / self.count

    @property
    def end(self) -> float:
        """Unix time at which the last one ends: a multiple of the length."""
        return (math.floor(self.now / self.length_s) + 1) * self.length_s

    @property
    def begin(self) -> float:
        """Unix time at which the first one begins."""
        return self.end - self.span_s

    def ends(self) -> list[float]:
        """Unix time of the end of each."""
        return [self.begin + (number + 1) * self.length_s for number in range(self.count)]

    def means(self, times: Sequence[float], seconds: Sequence[float], rates: Sequence[float]) -> Rates:
        """The mean rate of each bucket; None where there is no sample.

        Args:
            times: Unix time of the end of each sample.
            seconds: how long each lasted; one that is longer than a bucket fills those that it covers.
            rates: of each sample.
        """
        sums, lengths = [0.0] * self.count, [0.0] * self.count
        for at, lasted_s, rate in zip(times, seconds, rates, strict=True):
            first = (at - lasted_s - self.begin) / self.length_s
            last = (at - self.begin) / self.length_s
            for number in range(max(0, math.floor(first)), min(self.count, math.ceil(last))):
                part = min(last, number + 1) - max(first, number)
                sums[number] += rate * part
                lengths[number] += part
        # What reaches a thousandth of a bucket into it says nothing about it.
        return [sums[n] / lengths[n] if lengths[n] > 0.001 else None for n in range(self.count)]


@dataclass(frozen=True, slots=True)
class Area:
    """One name's part of the stack."""

    name: str
    path: str
    """``d`` of an SVG path; empty where there is nothing to be seen."""


@dataclass(frozen=True, slots=True)
class Panel:
    """One direction."""

    top: float
    """The rate at the upper edge."""
    areas: tuple[Area, ...]
    """The first one lies at the bottom."""


def panel(named: Sequence[tuple[str, Rates]]) -> Panel:
    """Stack these.

    Args:
        named: names with their rates by bucket, as many for each.
    """
    count = max((len(rates) for _, rates in named), default=0)
    totals = [sum(rates[number] or 0.0 for _, rates in named) for number in range(count)]
    top = nice_ceiling(max(totals, default=0.0))
    below = [0.0] * count
    areas = []
    for name, rates in named:
        above = [low + (rate or 0.0) for low, rate in zip(below, rates, strict=True)]
        areas.append(Area(name, _path(rates, below, above, top)))
        below = above
    return Panel(top, tuple(areas))


def _path(rates: Rates, below: Sequence[float], above: Sequence[float], top: float) -> str:
    if not any(rates):
        return ""
    step = WIDTH / len(rates)
    parts: list[str] = []
    start = 0
    while start < len(rates):
        if not rates[start]:
            start += 1
            continue
        end = start
        while end < len(rates) and rates[end]:
            end += 1
        parts.append(_run(range(start, end), step, below, above, top))
        start = end
    return "".join(parts)


def _run(numbers: range, step: float, below: Sequence[float], above: Sequence[float], top: float) -> str:
    """Along the upper edge to the right, and along the lower one back."""
    there = [f"V{_y(above[n], top)}H{_number((n + 1) * step)}" for n in numbers]
    back = [f"V{_y(below[n], top)}H{_number(n * step)}" for n in reversed(numbers)]
    return f"M{_number(numbers[0] * step)} {_y(below[numbers[0]], top)}{''.join(there)}{''.join(back)}Z"


def _y(rate: float, top: float) -> str:
    return _number(HEIGHT * (1 - rate / top))


def _number(value: float) -> str:
    return f"{value:.1f}".rstrip("0").rstrip(".") or "0"


def nice_ceiling(value: float) -> float:
    """1, 2 or 5 times a power of ten, not below ``value``: at least 1,000 bytes per second, so that a
    keepalive does not look like a download."""
    if value <= 1000:
        return 1000.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= value * (1 - 1e-9))


def position(at: float, buckets: Buckets) -> float | None:
    """Where a moment lies; None outside."""
    found = (at - buckets.begin) / buckets.span_s
    return round(found * WIDTH, 1) if 0 <= found <= 1 else None


def tick_times(buckets: Buckets, count: int) -> list[float]:
    """So many moments at equal distances, the edges among them."""
    return [buckets.begin + buckets.span_s * number / (count - 1) for number in range(count)]
