"""The log: its newest lines, and those to come."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, cast
from urllib.parse import urlencode

from fastapi import APIRouter, Query
from starlette.responses import Response

from ...api.house import InHouse
from ...api.models.logs import Level, LogLevel, LogLineDocument
from ...api.routes.logs import change_level, log_text, read_log
from ...base.errors import Misuse
from ...base.log import LEVELS
from ..page import ThisForm, ThisPage

__all__ = ["router"]

router = APIRouter()

LEAST = (
    ("debug", "All"),
    ("info", "Info and above"),
    ("warning", "Warnings and errors"),
    ("error", "Errors only"),
)
"""Levels, with the words for "at least this"."""

_SHOWN = 500
_WORDS_CHARS = 200

Text = Annotated[str, Query()]


@router.get("/log")
def show_log(page: ThisPage, house: InHouse, level: Text = "debug", q: Text = "") -> Response:
    """The newest lines that match; a script adds those to come."""
    least, words = _level(level), q[:_WORDS_CHARS]
    found = read_log(house, least, words, None, _SHOWN)
    return page.show(
        "log.html",
        level=least,
        q=words,
        least=LEAST,
        logged=found.level,
        lines=[_shown(line) for line in found.lines],
        stream="/api/v1/logs/stream?" + urlencode({"level": least, "contains": words}),
        last=found.last,
        offset_s=_offset_s(),
        again="/log?" + urlencode({"level": least, "q": words}),
    )


@router.post("/log/level")
def choose_level(page: ThisPage, form: ThisForm) -> Response:
    """Log more or less from now on."""
    wanted = form.text("logged")
    if wanted not in LEVELS:
        raise Misuse("bad-argument", f"there is no level {wanted[:20]!r}", hint=f"one of {', '.join(LEVELS)}")
    change_level(LogLevel(level=cast(Level, wanted)))
    page.tell(f"From now on {_IN_WORDS[wanted]} logged, until this program ends.")
    return page.go("/log")


_IN_WORDS = {
    "debug": "everything is",
    "info": "the usual lines are",
    "warning": "only warnings and errors are",
    "error": "only errors are",
}


@router.post("/log/download")
def download_log(form: ThisForm, house: InHouse) -> Response:
    """All that is kept and matches, as a file."""
    text = log_text(house, _level(form.text("level")), form.text("q")[:_WORDS_CHARS])
    stamp = datetime.now().astimezone().strftime("%Y%m%d-%H%M%S")
    return Response(
        text,
        media_type="text/plain",
        headers={"Content-Disposition": f'attachment; filename="tw-{stamp}.log"'},
    )


def _level(text: str) -> Level:
    return cast(Level, text) if text in LEVELS else "debug"


def _shown(line: LogLineDocument) -> dict[str, str]:
    at = datetime.fromtimestamp(line.time).astimezone()
    words = (
        f"{at.strftime('%H:%M:%S')}.{at.microsecond // 1000:03d} {line.level:<7} {line.logger}: {line.text}"
    )
    return {"level": line.level, "words": words}


def _offset_s() -> int:
    """Of this machine's time from UTC: the script writes times as the page has them."""
    found = datetime.now().astimezone().utcoffset()
    assert found is not None  # astimezone gives one
    return int(found.total_seconds())
