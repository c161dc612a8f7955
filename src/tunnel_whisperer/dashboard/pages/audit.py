"""The audit record: who did what, a page at a time, and whether it is as it was written."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Query
from pydantic import ValidationError
from starlette.responses import Response

from ...api.house import InHouse, RoleConfig
from ...api.models.audit import AuditDocument, RecordDocument, VerifyWish
from ...api.problems import status_of
from ...api.routes.audit import VERIFY, read_audit, verify_audit
from ...base.audit_events import AUDIT_EVENTS
from ...base.errors import Misuse, TwError
from ..page import Page, ThisForm, ThisPage, with_query

__all__ = ["router"]

router = APIRouter()

_TRAIL = re.compile(r"[0-9]{1,16}(,[0-9]{1,16}){0,199}\Z")
"""Where the newer pages begin, the newest first: the record itself can only be read backwards."""

_WARNING = {"gap", "tail-missing", "torn-line"}
"""Events that say that something is not there."""

Text = Annotated[str, Query()]


@router.get("/audit")
def show_audit(
    page: ThisPage,
    house: InHouse,
    config: RoleConfig,
    user: Text = "",
    event: Text = "",
    since: Text = "",
    trail: Text = "",
    seen: Annotated[int | None, Query()] = None,
) -> Response:
    """The newest records that match, or older ones.

    Args:
        seen: number of the newest record that is shown, from a page that asks whether there are others:
            what somebody reads does not move.
    """
    typed = {"user": user.strip()[:64], "event": event[:64], "since": since.strip()[:40]}
    steps = [int(step) for step in trail.split(",")] if _TRAIL.match(trail) else []
    try:
        found = read_audit(house, config, typed["user"], typed["event"], typed["since"], (steps or [0])[-1])
    except TwError as exc:
        if exc.code != "bad-argument":
            raise
        return _page(page, typed, AuditDocument(records=[], before=None, lost=0), [], exc)
    return _page(page, typed, found, steps, seen=seen)


@router.get("/audit/verify")
def back_to_audit(page: ThisPage) -> Response:
    """Where somebody loads the page again that a form led to."""
    return page.go("/audit")


@router.post("/audit/verify")
async def verify(page: ThisPage, form: ThisForm, house: InHouse, config: RoleConfig) -> Response:
    """Begin to go along the chain."""
    try:
        wish = VerifyWish(contains=form.text("noted"))
    except ValidationError:
        raise Misuse(
            "bad-argument",
            "that is not a hash of the record: it has 64 digits, 0 to 9 and a to f",
            hint="paste the one that was noted when the record was verified, or leave it empty",
        ) from None
    await verify_audit(wish, house, config)
    return page.go("/audit#verify")


def _page(
    page: Page,
    typed: dict[str, str],
    found: AuditDocument,
    steps: list[int],
    error: TwError | None = None,
    *,
    seen: int | None = None,
) -> Response:
    job = page.house.supervisor.jobs.latest(VERIFY)
    newest = found.records[0].seq if found.records else 0
    shown = newest if seen is None else seen
    first = _link(typed, [])
    return page.show(
        "audit.html",
        status=200 if error is None else status_of(error),
        error=error,
        typed=typed,
        filtered=any(typed.values()),
        meanings=AUDIT_EVENTS,
        records=[_shown(record) for record in found.records],
        lost=found.lost,
        newest=not steps,
        news=newest > shown,
        first=first,
        here=f"{first}{'&' if '?' in first else '?'}seen={shown}",
        newer=_link(typed, steps[:-1]) if steps else None,
        older=None if found.before is None else _link(typed, [*steps, found.before]),
        job=None if job is None else job.to_json(),
    )


def _link(typed: dict[str, str], steps: list[int]) -> str:
    return with_query("/audit", {**typed, "trail": ",".join(map(str, steps))})


def _shown(record: RecordDocument) -> dict[str, Any]:
    kind, _, name = record.who.partition(":")
    return {
        "seq": record.seq,
        "at": _moment(record.time),
        "kind": kind,
        "name": name,
        "link": "/audit?" + urlencode({"user": name}),
        "event": record.event,
        "warning": record.event in _WARNING,
        "fields": [(name, _text(value)) for name, value in record.fields.items()],
    }


def _moment(stamp: str) -> str:
    try:
        return datetime.fromisoformat(stamp).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    except ValueError:  # somebody's own line, with a hash that fits
        return stamp


def _text(value: Any) -> str:
    """One line, whatever a peer has called itself."""
    text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return "".join(c if c.isprintable() else "?" for c in text)
