"""How values are written on pages: times, sizes, states. Pure."""

from __future__ import annotations

import time
from datetime import UTC, datetime

__all__ = ["ago", "bytes_text", "moment", "span", "stamped"]

_UNITS = ("B", "KB", "MB", "GB", "TB", "PB")
_STEPS = ((86_400, "d"), (3600, "h"), (60, "min"))


def moment(at: float | None) -> str:
    """Unix time as local time to the minute; a dash for none."""
    if at is None:
        return "-"
    return datetime.fromtimestamp(at, UTC).astimezone().strftime("%Y-%m-%d %H:%M")


def stamped(text: str | None, none: str = "no end") -> str:
    """The same of a time as the API has it (ISO 8601)."""
    return none if text is None else moment(datetime.fromisoformat(text).timestamp())


def span(seconds: float) -> str:
    """A length of time in its two largest units: ``3 h 5 min``."""
    left = max(0, int(seconds))
    if left < 60:
        return f"{left} s"
    parts: list[str] = []
    for size, unit in _STEPS:
        count, left = divmod(left, size)
        if count or parts:
            parts.append(f"{count} {unit}")
    return " ".join(part for part in parts[:2] if not part.startswith("0 "))


def ago(at: float | None, now: float | None = None) -> str:
    """How long ago, for people: ``3 min ago``."""
    if at is None:
        return "-"
    passed = (time.time() if now is None else now) - at
    return "now" if passed < 1 else f"{span(passed)} ago"


def bytes_text(count: float) -> str:
    """A size in decimal units with three digits: ``1.25 MB``."""
    size, unit = float(count), 0
    while size >= 999.5 and unit < len(_UNITS) - 1:
        size, unit = size / 1000, unit + 1
    if unit == 0:
        return f"{int(size)} B"
    return f"{size:.{2 if size < 9.995 else 1 if size < 99.95 else 0}f} {_UNITS[unit]}"
