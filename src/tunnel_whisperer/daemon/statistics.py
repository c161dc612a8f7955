"""The counters of the running role over time, in memory: what the dashboard draws.

Two rings of samples, one every 10 s and one every 5 min, of ``analytics.history_size`` each; with
1,000 that is the last three hours finely and the last three days coarsely. Nothing is written to
disk, and nothing is left when the process ends.

A sample is the difference of two looks at the counters. Its length is taken from a clock that never
goes back, so a clock that is set changes no rate; what time it was is told by the wall clock as it
goes now, so that no label is left from before it was set right.
"""

from __future__ import annotations

import asyncio
import math
import time
from array import array
from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, NamedTuple

from ..base.counters import OTHER, Counters
from ..base.limits import (
    HISTORY_COARSE_S,
    HISTORY_FINE_S,
    MAX_COUNTED_LABELS,
    MAX_HISTORY_EVENTS,
    MAX_HISTORY_NAMES,
    MAX_HISTORY_POINTS,
)
from ..profile import AnalyticsConfig

__all__ = ["RESOLUTIONS_S", "History", "Rates", "Recovery", "Statistics", "samples_kept", "steady"]

RESOLUTIONS_S = (HISTORY_FINE_S, HISTORY_COARSE_S)
"""Seconds from one sample to the next."""

KINDS = ("user", "port", "tenant")
"""What bytes are told apart by; each role has its own of them."""

_WIDTH = 3  # numbers of one point: name, up, down

_BOOT_CLOCK: int | None = getattr(time, "CLOCK_BOOTTIME", None)  # Linux: Windows and macOS have none


def steady() -> float:
    """Seconds that never go back; they go on while the machine sleeps, where the system tells that."""
    return time.monotonic() if _BOOT_CLOCK is None else time.clock_gettime(_BOOT_CLOCK)


def samples_kept(analytics: AnalyticsConfig) -> int:
    """How many samples of each resolution the configuration wants."""
    return analytics.history_size if analytics.enabled else 0


@dataclass(frozen=True, slots=True)
class Rates:
    """One user, port or tenant over the times of a history."""

    name: str
    up: tuple[float, ...]
    """Bytes per second towards the target."""
    down: tuple[float, ...]
    """Bytes per second from it."""


@dataclass(frozen=True, slots=True)
class Recovery:
    """The session came back."""

    at: float
    """Unix time, as exact as the finest resolution."""
    seconds: float
    """How long it was away; the longest, where it came back more than once in one sample."""
    count: int


@dataclass(frozen=True, slots=True)
class History:
    """What was, the oldest first; all tuples but the last are as long as ``times``."""

    period_s: float
    times: tuple[float, ...]
    """Unix time of the end of each sample."""
    seconds: tuple[float, ...]
    """How long each lasted; more than the period where the machine slept or was busy."""
    up: tuple[float, ...]
    """Bytes per second towards the target, of all together."""
    down: tuple[float, ...]
    """Bytes per second from it."""
    open: tuple[int, ...]
    """Connections at that time."""
    sessions: tuple[int, ...]
    """Sessions at that time: of users, of tenants' servers."""
    tunnel_up: tuple[bool | None, ...]
    """Whether the session was up at that time; None: the role has none."""
    round_trip_s: tuple[float | None, ...]
    by: dict[str, tuple[Rates, ...]]
    """By ``user``, ``port`` and ``tenant``: those with the most bytes first."""
    recoveries: tuple[Recovery, ...]

    def to_json(self) -> dict[str, Any]:
        """As the API tells it."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class _Sample:
    at: float  # of the steady clock, at its end
    seconds: float
    up: int
    down: int
    open: int
    sessions: int
    tunnel_up: bool | None
    round_trip_s: float | None
    points: array[int]


class _Names:
    """Numbers for names, so that a point is three numbers; of a bounded number of names."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[str, str], int] = {}
        self._names: list[tuple[str, str]] = []
        for kind in KINDS:
            self._add((kind, OTHER))

    def _add(self, name: tuple[str, str]) -> int:
        self._names.append(name)
        return self._numbers.setdefault(name, len(self._names) - 1)

    def number(self, kind: str, name: str) -> int:
        found = self._numbers.get((kind, name))
        if found is not None:
            return found
        if len(self._names) >= 2 * MAX_COUNTED_LABELS:
            return self._numbers[kind, OTHER]
        return self._add((kind, name))

    def of(self, number: int) -> tuple[str, str]:
        return self._names[number]


class _Ring:
    """The samples of one resolution."""

    def __init__(self, period_s: float, size: int, names: _Names) -> None:
        self.period_s = period_s
        self._size = size
        self._names = names
        self.samples: deque[_Sample] = deque()
        self._points = 0
        self._before: Counters | None = None
        self._before_at = -math.inf

    def look(self, now: float, counters: Counters) -> None:
        # Half a fine period early is in time: the looks are not exactly that far apart.
        if now - self._before_at < self.period_s - HISTORY_FINE_S / 2:
            return
        if self._before is not None:
            self.add(self._sample(now, counters, self._before))
        self._before, self._before_at = counters, now

    def forget_last(self) -> None:
        """No role runs: the next look begins anew."""
        self._before, self._before_at = None, -math.inf

    def add(self, sample: _Sample) -> None:
        self.samples.append(sample)
        self._points += len(sample.points) // _WIDTH
        while len(self.samples) > self._size or self._points > MAX_HISTORY_POINTS:
            self._points -= len(self.samples.popleft().points) // _WIDTH

    def _sample(self, now: float, counters: Counters, before: Counters) -> _Sample:
        moved = _moved(counters, before)
        by = {
            "user": _by(moved, lambda x: x.user),
            "port": _by(moved, lambda x: "" if x.tenant else str(x.port or OTHER)),
            "tenant": _by(moved, lambda x: x.tenant),
        }
        session = counters.session
        points = array("Q")
        for kind, amounts in by.items():
            for name, up, down in _largest(amounts, MAX_HISTORY_NAMES):
                points.extend((self._names.number(kind, name), up, down))
        return _Sample(
            now,
            now - self._before_at,
            sum(x.up for x in moved),
            sum(x.down for x in moved),
            sum(x.open for x in counters.traffic),
            sum(x.open for x in counters.sessions),
            None if session is None else session.up,
            None if session is None else session.round_trip_s,
            points,
        )


_Amounts = dict[str, tuple[int, int]]


class _Moved(NamedTuple):
    """Bytes under one label since the last look."""

    user: str
    tenant: str
    port: int
    up: int
    down: int


def _moved(counters: Counters, before: Counters) -> list[_Moved]:
    """What carried bytes since ``before``, and how many."""
    earlier = {}
    if counters.started == before.started and counters.role == before.role:
        earlier = {(x.user, x.tenant, x.port): (x.up, x.down) for x in before.traffic}
    moved = []
    for x in counters.traffic:
        up, down = earlier.get((x.user, x.tenant, x.port), (0, 0))
        if x.up > up or x.down > down:
            moved.append(_Moved(x.user, x.tenant, x.port, max(0, x.up - up), max(0, x.down - down)))
    return moved


def _by(moved: Iterable[_Moved], name_of: Callable[[_Moved], str]) -> _Amounts:
    amounts: _Amounts = {}
    for x in moved:
        if name := name_of(x):
            up, down = amounts.get(name, (0, 0))
            amounts[name] = up + x.up, down + x.down
    return amounts


def _largest(amounts: _Amounts, count: int) -> Iterable[tuple[str, int, int]]:
    """So many names with the most bytes, and all others together."""
    order = sorted(amounts.items(), key=lambda entry: -sum(entry[1]))
    for name, (up, down) in order[:count]:
        yield name, up, down
    if rest := [numbers for _, numbers in order[count:]]:
        yield OTHER, sum(up for up, _ in rest), sum(down for _, down in rest)


class Statistics:
    """The history of one role.

    Args:
        counters: as they stand now; None: no role runs.
        size: samples of each resolution; 0 keeps none.
        clock: see ``steady``.
        wall_clock: Unix time.
    """

    def __init__(
        self,
        counters: Callable[[], Counters | None],
        size: int,
        *,
        clock: Callable[[], float] = steady,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self._counters = counters
        self._size = size
        self._clock = clock
        self._wall_clock = wall_clock
        self._names = _Names()
        self._rings = {period_s: _Ring(period_s, size, self._names) for period_s in RESOLUTIONS_S}
        self._recoveries: deque[Recovery] = deque(maxlen=MAX_HISTORY_EVENTS)  # at: of the steady clock
        self._before: Counters | None = None

    @property
    def keeps(self) -> bool:
        """Whether a history is kept at all."""
        return self._size > 0

    async def run(self) -> None:
        """Take a sample every ``HISTORY_FINE_S`` seconds, until cancelled; returns at once if none is kept."""
        while self._size:
            self.take()
            await asyncio.sleep(HISTORY_FINE_S)

    def take(self) -> None:
        """Look at the counters now."""
        now, counters = self._clock(), self._counters()
        if not self._size:
            return
        if counters is None:
            for ring in self._rings.values():
                ring.forget_last()
        else:
            for ring in self._rings.values():
                ring.look(now, counters)
            self._notice_recoveries(now, counters)
        self._before = counters

    def _notice_recoveries(self, now: float, counters: Counters) -> None:
        if counters.session is None:
            return
        before = 0
        if self._before is not None and self._before.session and self._before.started == counters.started:
            before = self._before.session.recoveries
        count = counters.session.recoveries - before
        if count > 0:
            self._recoveries.append(Recovery(now, counters.session.last_recovery_s or 0.0, count))

    def continue_from(self, earlier: Statistics) -> None:
        """Go on with the history of the role that ran before in this process; before the first sample."""
        for period_s, ring in self._rings.items():
            for sample in earlier._rings[period_s].samples:
                points = array("Q", sample.points)
                for index in range(0, len(points), _WIDTH):
                    points[index] = self._names.number(*earlier._names.of(points[index]))
                if self._size:
                    ring.add(replace(sample, points=points))
        if self._size:
            self._recoveries.extend(earlier._recoveries)

    def history(self, period_s: float = HISTORY_FINE_S, *, last: int | None = None, top: int = 8) -> History:
        """What was. It takes milliseconds where many users are busy, and may be asked by any thread.

        Args:
            period_s: one of ``RESOLUTIONS_S``.
            last: so many samples at most; None: all.
            top: so many users, ports and tenants; the others together are ``other``.
        """
        samples, recoveries = list(self._rings[period_s].samples), tuple(self._recoveries)
        samples = samples if last is None else samples[max(0, len(samples) - last) :]
        began = samples[0].at - samples[0].seconds if samples else math.inf
        ahead = self._wall_clock() - self._clock()
        return History(
            period_s,
            tuple(round(x.at + ahead, 3) for x in samples),
            tuple(round(x.seconds, 3) for x in samples),
            tuple(_rate(x.up, x) for x in samples),
            tuple(_rate(x.down, x) for x in samples),
            tuple(x.open for x in samples),
            tuple(x.sessions for x in samples),
            tuple(x.tunnel_up for x in samples),
            tuple(x.round_trip_s for x in samples),
            self._rates(samples, top),
            tuple(Recovery(round(x.at + ahead, 3), x.seconds, x.count) for x in recoveries if x.at > began),
        )

    def _rates(self, samples: Sequence[_Sample], top: int) -> dict[str, tuple[Rates, ...]]:
        totals: Counter[int] = Counter()
        for sample in samples:
            for number, up, down in _points(sample):
                totals[number] += up + down
        shown: dict[str, dict[str, tuple[list[float], list[float]]]] = {kind: {} for kind in KINDS}
        for number, _ in totals.most_common():
            kind, name = self._names.of(number)
            if name != OTHER and len(shown[kind]) < top:
                shown[kind][name] = [0.0] * len(samples), [0.0] * len(samples)
        for index, sample in enumerate(samples):
            for number, up, down in _points(sample):
                kind, name = self._names.of(number)
                rows = shown[kind].get(name)
                if rows is None:
                    rows = shown[kind].setdefault(OTHER, ([0.0] * len(samples), [0.0] * len(samples)))
                rows[0][index] += _rate(up, sample)
                rows[1][index] += _rate(down, sample)
        return {
            kind: tuple(Rates(name, tuple(up), tuple(down)) for name, (up, down) in names.items())
            for kind, names in shown.items()
        }


def _points(sample: _Sample) -> Iterable[tuple[int, int, int]]:
    numbers = iter(sample.points)
    return zip(numbers, numbers, numbers, strict=True)


def _rate(amount: int, sample: _Sample) -> float:
    return round(amount / sample.seconds, 1)
