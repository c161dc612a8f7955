"""The traffic: how much, when, and whose."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Query
from starlette.responses import Response

from ...api.models.stats import RatesDocument, Span, StatsDocument
from ...api.routes.stats import SPANS_S, Counted, read_stats
from ...base.counters import OTHER
from ..chart import HEIGHT, WIDTH, Buckets, panel, position, tick_times
from ..page import ThisPage
from ..words import bytes_text

__all__ = ["router"]

router = APIRouter()

_SPANS: Sequence[tuple[Span, str, int]] = (
    ("hour", "The last hour", 120),
    ("day", "The last day", 144),
    ("days", "The last three days", 144),
)
"""With the words, and the parts in which it is drawn."""

_KINDS = {"user": "By user", "port": "By port", "tenant": "By server"}
_KINDS_OF = {"server": ("user", "port"), "client": ("port",), "relay": ("tenant",)}
_NAMED = 6
"""As many are told apart; the others are one. Each has a colour and a pattern of its own (tw.css)."""

_TICKS = 5

Text = Annotated[str, Query()]


@router.get("/traffic")
def show_traffic(page: ThisPage, counted: Counted, span: Text = "hour", by: Text = "") -> Response:
    """Both directions over time, by user, port or server."""
    chosen: Span = span if span in SPANS_S else "hour"
    found = read_stats(counted, chosen, _NAMED)
    kinds = _KINDS_OF.get(found.role or "", ())
    kind = by if by in kinds else next(iter(kinds), "")
    parts = next(count for name, _, count in _SPANS if name == chosen)
    buckets = Buckets(time.time(), SPANS_S[chosen], parts)
    return page.show(
        "traffic.html",
        found=found,
        kind=kind,
        moved=bool(found.by.get(kind)),
        spans=[(words, _link(name, kind), name == chosen) for name, words, _ in _SPANS],
        kinds=[(_KINDS[name], _link(chosen, name), name == kind) for name in kinds],
        chart=_chart(found, kind, buckets, long=chosen != "hour"),
        now=_now(found),
    )


def _link(span: str, by: str) -> str:
    return "/traffic?" + urlencode({"span": span, **({"by": by} if by else {})})


def _now(found: StatsDocument) -> dict[str, str]:
    """The last sample in words."""
    if not found.times:
        return {"up": "-", "down": "-"}
    return {"up": _rate(found.up[-1]), "down": _rate(found.down[-1])}


# -- the chart, and the same as a table ----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Series:
    name: str
    rates: RatesDocument
    up: Sequence[float | None]
    """By bucket."""
    down: Sequence[float | None]


def _chart(found: StatsDocument, kind: str, buckets: Buckets, *, long: bool) -> dict[str, Any]:
    series = [_series(found, rates, kind, buckets) for rates in found.by.get(kind, [])]
    series.sort(key=lambda each: each.rates.name == OTHER)  # the rest lies on top
    total_up = buckets.means(found.times, found.seconds, found.up)
    total_down = buckets.means(found.times, found.seconds, found.down)
    marks = [
        {"x": x, "at": _clock(each.at, seconds=True), "seconds": f"{each.seconds:.1f}", "count": each.count}
        for each in found.recoveries
        if (x := position(each.at, buckets)) is not None
    ]
    return {
        "width": WIDTH,
        "height": HEIGHT,
        "panels": [
            _panel("up", "Towards the target", [(each.name, each.up) for each in series]),
            _panel("down", "From the target", [(each.name, each.down) for each in series]),
        ],
        "ticks": [_clock(at, day=long) for at in tick_times(buckets, _TICKS)],
        "marks": marks,
        "rows": [_row(found, each) for each in series],
        "times": [
            {"until": _clock(end, day=long), "up": _rate(up), "down": _rate(down)}
            for end, up, down in reversed(list(zip(buckets.ends(), total_up, total_down, strict=True)))
            if up is not None and down is not None
        ],
        "step": f"{buckets.length_s:.0f} seconds"
        if buckets.length_s < 60
        else f"{buckets.length_s / 60:.0f} minutes",
    }


def _series(found: StatsDocument, rates: RatesDocument, kind: str, buckets: Buckets) -> _Series:
    up = buckets.means(found.times, found.seconds, rates.up)
    down = buckets.means(found.times, found.seconds, rates.down)
    return _Series(_name(rates.name, kind), rates, up, down)


def _name(name: str, kind: str) -> str:
    if name == OTHER:
        return "all others"
    return f"port {name}" if kind == "port" else name


def _panel(direction: str, title: str, named: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    made = panel(named)
    return {
        "id": direction,
        "title": title,
        "scale": [_rate(made.top), _rate(made.top / 2), "0"],
        "areas": made.areas,
    }


def _row(found: StatsDocument, each: _Series) -> Mapping[str, str]:
    numbers: dict[str, str] = {"name": each.name}
    for direction, rates, shown in (
        ("up", each.rates.up, each.up),
        ("down", each.rates.down, each.down),
    ):
        numbers[f"{direction}_now"] = _rate(rates[-1])
        numbers[f"{direction}_peak"] = _rate(max((rate for rate in shown if rate is not None), default=0.0))
        carried = sum(rate * lasted_s for rate, lasted_s in zip(rates, found.seconds, strict=True))
        numbers[f"{direction}_sum"] = bytes_text(carried)
    return numbers


def _rate(rate: float | None) -> str:
    return "-" if rate is None else f"{bytes_text(rate)}/s"


def _clock(at: float, *, day: bool = False, seconds: bool = False) -> str:
    shown = "%a %H:%M" if day else "%H:%M:%S" if seconds else "%H:%M"
    return datetime.fromtimestamp(at).astimezone().strftime(shown)
