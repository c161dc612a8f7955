"""What changed, as it changes: server-sent events."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Header, Query
from fastapi.sse import EventSourceResponse, ServerSentEvent

from ...daemon.changes import Topic
from ..house import InHouse
from ..streams import until_closing

__all__ = ["pause_s", "router"]

router = APIRouter(tags=["events"])

_PAUSE_S = 0.25
"""Changes that come together are told together."""

_SHARE_S = 0.1
"""Pause for each that watches: fifty pages that are loaded again are spread over five seconds, so that
they take less than half of a core, and the tunnel does not wait for them. Measured, bench
dashboard-watchers."""


def pause_s(watching: int) -> float:
    """How long one of so many is told nothing after it was told something; and at most so much, less the
    pause of a single one, before: all hear of the same change, and are not to come at the same moment."""
    return max(_PAUSE_S, watching * _SHARE_S)


@router.get("/events", response_class=EventSourceResponse)
async def watch_changes(
    house: InHouse,
    topic: Annotated[list[Topic], Query(description="Which ones; all, where none is named.")] = [],  # noqa: B006 - FastAPI copies it
    after: Annotated[
        int | None,
        Query(ge=0, le=2**53, description="``id`` of an event: what changed since is told at once."),
    ] = None,
    last_event_id: Annotated[
        str, Header(max_length=40, description="The same, as browsers send it when a stream broke.")
    ] = "",
) -> AsyncIterator[ServerSentEvent]:
    """An event for each topic that changed, named after it; what is new is read where it is kept. The
    first one is ``ready``: what changes after it is told."""
    wanted = frozenset(topic or Topic)
    changes = house.supervisor.changes
    if last_event_id.isascii() and last_event_id.isdigit():
        after = int(last_event_id)
    with changes.watch(after) as watcher:
        yield ServerSentEvent(
            event="ready", raw_data="now", retry=2000, id=str(changes.last if after is None else after)
        )
        async for changed in until_closing(house.closing, watcher.next):
            number = watcher.told
            await _pause(house.closing, random.random() * (pause_s(len(changes)) - _PAUSE_S))  # noqa: S311
            for each in sorted(changed & wanted):
                yield ServerSentEvent(event=each.value, raw_data="changed", id=str(number))
            await _pause(house.closing, pause_s(len(changes)))


async def _pause(closing: asyncio.Event, seconds: float) -> None:
    """Less, where the process ends."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await closing.wait()
