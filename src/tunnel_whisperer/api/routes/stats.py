"""What the role carried: rates over time by user, port or server, and the sums."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query

from ...base.counters import Counters
from ...daemon.statistics import RESOLUTIONS_S, Statistics
from ..house import InHouse
from ..models.stats import Span, StatsDocument, TotalsDocument

__all__ = ["SPANS_S", "Counted", "read_stats", "router"]

router = APIRouter(tags=["traffic"])

FINE_S, COARSE_S = RESOLUTIONS_S

SPANS_S: dict[Span, float] = {"hour": 3600.0, "day": 86_400.0, "days": 259_200.0}
"""How far back, in seconds."""

Look = tuple[Statistics | None, Counters | None]


async def counted_of(house: InHouse) -> Look:
    """What the running role counts; on the loop, where it counts."""
    counters = house.counters()
    root: Any = house.supervisor.root
    return (None, None) if counters is None else (root.statistics, counters)


Counted = Annotated[Look, Depends(counted_of)]


@router.get("/stats")
def read_stats(
    counted: Counted,
    span: Annotated[Span, Query(description="The last hour, the last day, or the last three days.")] = "hour",
    top: Annotated[int, Query(ge=1, le=20, description="So many names at most; the rest is ``other``.")] = 8,
) -> StatsDocument:
    """How much went where, and when. Kept in memory since this process began: an hour in steps of ten
    seconds, days in steps of five minutes."""
    statistics, counters = counted
    period_s = FINE_S if span == "hour" else COARSE_S
    kept = statistics or Statistics(lambda: None, 0)
    history = kept.history(period_s, last=int(SPANS_S[span] / period_s), top=top)
    found = history.to_json()
    by = {kind: rows for kind, rows in found["by"].items() if rows}
    return StatsDocument(
        **{**found, "by": by},
        role=None if counters is None else counters.role,
        kept=kept.keeps,
        span=span,
        totals=None if counters is None else _totals(counters),
    )


def _totals(counters: Counters) -> TotalsDocument:
    rows = counters.traffic
    return TotalsDocument(
        started=counters.started,
        up=sum(row.up for row in rows),
        down=sum(row.down for row in rows),
        open=sum(row.open for row in rows),
        opened=sum(row.opened for row in rows),
        sessions=sum(row.open for row in counters.sessions),
        recoveries=counters.session.recoveries if counters.session is not None else 0,
    )
