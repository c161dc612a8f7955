"""The last lines of the log, and those to come."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.sse import EventSourceResponse, ServerSentEvent

from ...base.limits import LOG_PAGE_LINES
from ...base.log import current_level, set_level
from ..house import InHouse
from ..models.logs import Level, LogDocument, LogLevel, LogLineDocument
from ..streams import until_closing

__all__ = ["router"]

router = APIRouter(tags=["log"])

LeastLevel = Annotated[Level, Query(description="The least level.")]
Contains = Annotated[str, Query(max_length=200, description="Words in the line or in the logger's name.")]


@router.get("/logs")
def read_log(
    house: InHouse,
    level: LeastLevel = "debug",
    contains: Contains = "",
    after: Annotated[int | None, Query(ge=0, le=2**53, description="Number of the line read last.")] = None,
    limit: Annotated[int, Query(ge=1, le=LOG_PAGE_LINES)] = 200,
) -> LogDocument:
    """Lines that match: the newest, or those after one that was read before."""
    page = house.log.page(level=level, contains=contains, after=after, limit=limit)
    lines = [LogLineDocument.model_validate(line.to_json()) for line in page.lines]
    return LogDocument(lines=lines, last=page.last, missed=page.missed, level=current_level())


@router.get("/logs/stream", response_class=EventSourceResponse)
async def follow_log(
    house: InHouse, level: LeastLevel = "debug", contains: Contains = ""
) -> AsyncIterator[ServerSentEvent]:
    """Lines as they come: events ``line``; ``missed`` tells how many came too fast."""
    with house.log.follow(level=level, contains=contains) as follower:
        yield ServerSentEvent(event="ready", raw_data="now", retry=2000)
        async for page in until_closing(house.closing, follower.next_page):
            if page.missed:
                yield ServerSentEvent(event="missed", raw_data=str(page.missed))
            for line in page.lines:
                yield ServerSentEvent(event="line", id=str(line.number), data=line.to_json())


@router.put("/logs/level")
def change_level(wanted: LogLevel) -> LogLevel:
    """Log more or less from now on, until this process ends; config.yaml has the lasting choice."""
    set_level(wanted.level)
    return LogLevel(level=wanted.level)
