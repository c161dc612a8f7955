"""The last lines of the log, and those to come."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Header, Query
from fastapi.responses import PlainTextResponse
from fastapi.sse import EventSourceResponse, ServerSentEvent

from ...base.limits import LOG_PAGE_LINES
from ...base.log import current_level, set_level
from ...base.log_ring import LogLine
from ..house import House, InHouse
from ..models.logs import Level, LogDocument, LogLevel, LogLineDocument
from ..streams import until_closing

__all__ = ["line_text", "log_text", "router"]

router = APIRouter(tags=["log"])

_LARGEST = 2**53

LeastLevel = Annotated[Level, Query(description="The least level.")]
Contains = Annotated[str, Query(max_length=200, description="Words in the line or in the logger's name.")]


@router.get("/logs")
def read_log(
    house: InHouse,
    level: LeastLevel = "debug",
    contains: Contains = "",
    after: Annotated[
        int | None, Query(ge=0, le=_LARGEST, description="Number of the line read last.")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=LOG_PAGE_LINES)] = 200,
) -> LogDocument:
    """Lines that match: the newest, or those after one that was read before."""
    page = house.log.page(level=level, contains=contains, after=after, limit=limit)
    lines = [LogLineDocument.model_validate(line.to_json()) for line in page.lines]
    return LogDocument(lines=lines, last=page.last, missed=page.missed, level=current_level())


@router.get("/logs/text", response_class=PlainTextResponse)
def read_log_as_text(house: InHouse, level: LeastLevel = "debug", contains: Contains = "") -> str:
    """All lines that are kept and match, as text with the time of this machine."""
    return log_text(house, level, contains)


@router.get("/logs/stream", response_class=EventSourceResponse)
async def follow_log(
    house: InHouse,
    level: LeastLevel = "debug",
    contains: Contains = "",
    after: Annotated[
        int | None, Query(ge=0, le=_LARGEST, description="Number of the line read last; null: from now on.")
    ] = None,
    last_event_id: Annotated[
        str, Header(max_length=40, description="Where an interrupted stream goes on, as browsers send it.")
    ] = "",
) -> AsyncIterator[ServerSentEvent]:
    """Lines as they come: events ``lines``, each with a list of them; ``missed`` tells how many came too
    fast to be told."""
    if last_event_id.isascii() and last_event_id.isdigit():
        after = int(last_event_id)
    with house.log.follow(level=level, contains=contains, after=after) as follower:
        yield ServerSentEvent(event="ready", raw_data="now", retry=2000)
        async for page in until_closing(house.closing, follower.next_page):
            if page.missed:
                yield ServerSentEvent(event="missed", raw_data=str(page.missed))
            if page.lines:
                lines = [line.to_json() for line in page.lines]
                yield ServerSentEvent(event="lines", id=str(page.last), data=lines)


@router.put("/logs/level")
def change_level(wanted: LogLevel) -> LogLevel:
    """Log more or less from now on, until this process ends; config.yaml has the lasting choice."""
    set_level(wanted.level)
    return LogLevel(level=wanted.level)


def log_text(house: House, level: str, contains: str) -> str:
    """What is kept of the log and matches, the oldest line first."""
    return "".join(f"{line_text(line)}\n" for line in _held(house, level, contains))


def _held(house: House, level: str, contains: str) -> Iterator[LogLine]:
    after = 0
    while True:
        page = house.log.page(level=level, contains=contains, after=after)
        yield from page.lines
        if len(page.lines) < LOG_PAGE_LINES:
            return
        after = page.last


def line_text(line: LogLine | LogLineDocument) -> str:
    """As it stands in a file."""
    at = datetime.fromtimestamp(line.time, UTC).astimezone()
    return f"{at.isoformat(sep=' ', timespec='milliseconds')} {line.level:<7} {line.logger}: {line.text}"
