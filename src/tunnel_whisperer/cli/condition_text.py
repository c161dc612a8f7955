"""How this machine stands, in words, for a terminal of 80 columns."""

from __future__ import annotations

import textwrap
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from ..base.errors import TwError
from ..base.redact import redact
from ..operations.condition import Condition

__all__ = ["describe"]

_LABEL = 10
_SHOWN = 20
"""Users, servers and ports that are listed; of more, the others are counted."""

_SIGNS = {"ok": "ok", "failed": "FAILED", "trying": "trying", "waiting": "-"}


def describe(found: Condition, width: int = 80, now: float | None = None) -> list[str]:
    """The lines.

    Args:
        width: columns of the terminal.
        now: Unix time; the clock's by default.
    """
    now = time.time() if now is None else now
    writer = _Writer(width)
    value = found.value
    state = value["state"]
    _identity(writer, value, now)
    if state is not None:
        _layers(writer, state, now)
    for kind in ("users", "servers", "ports"):
        if value[kind] is not None:
            _people_and_ports(writer, kind, value, now)
    if value["audit"] is not None and (records := value["audit"]["records"]):
        writer.row("audit", f"{records} record{'' if records == 1 else 's'}: tw audit")
    for other in value["elsewhere"]:
        writer.row(
            "also runs", f"{other['command']}, process {other['pid']}, serves {other['name']} ({other['id']})"
        )
    for problem in found.problems:
        writer.row("problem", _problem(problem))
    for number, step in enumerate(found.next):
        writer.row("next" if not number else "", step)
    return writer.lines


class _Writer:
    """Collects lines: a label, and text that is wrapped beside it."""

    def __init__(self, width: int) -> None:
        self.lines: list[str] = []
        self._width = max(40, width)

    def row(self, label: str, text: str, indent: int = 0) -> None:
        head = " " * indent + label
        self.wrapped(f"{head:<{_LABEL + indent}}", text)

    def wrapped(self, head: str, text: str) -> None:
        text = redact("".join(c if c.isprintable() else " " for c in text))
        lines = textwrap.wrap(
            text, self._width, initial_indent=head, subsequent_indent=" " * len(head), break_on_hyphens=False
        )
        self.lines += [line.rstrip() for line in lines or [head]]


def _identity(writer: _Writer, value: dict[str, Any], now: float) -> None:
    context = value["context"]
    if context is None:
        writer.row("context", f"none yet in {value['directory']}")
    else:
        role = (
            f"a {value['role']}"
            if value["role"]
            else "no role yet"
            if value["well"] is None
            else "role unknown"
        )
        writer.row("context", f"{context['name']} ({context['id']}): {role}, in {value['directory']}")
    in_use = {**value, **(value["state"] or {})}  # what runs goes on with what it read once
    if in_use["relay"]:
        proxy = in_use["proxy"]
        way = f", through {proxy['url']} (as {proxy['from']} says)" if proxy else ", dialled directly"
        writer.row("relay", in_use["relay"] + way)
    if (running := value["running"]) is not None:
        since = f", since {_moment(running['since'], now)}" if running["since"] else ""
        writer.row("running", f"{running['command'] or 'a tw'}, process {running['pid'] or '?'}{since}")
    elif value["hosted"]:
        writer.row("running", "on a machine of its own, without tw")
    elif context is not None:
        writer.row("running", "no")


def _layers(writer: _Writer, state: dict[str, Any], now: float) -> None:
    writer.lines.append("")
    for row in state["health"]:
        head = f"  {row['layer']:<13}{_SIGNS.get(row['state'], '?'):<8}"
        error = row["error"]
        writer.wrapped(head, row["what"])
        if error is not None:
            beside = " " * len(head)
            writer.wrapped(beside, f"{error['code']}: {error['why']}")
            if error["hint"]:
                writer.wrapped(beside, f"try: {error['hint']}")
    session = state.get("session") or {}
    if session.get("retry_at"):
        left = max(0, round(session["retry_at"] - now))
        writer.wrapped("  ", f"trying again in {left} s" if left else "trying again")
    writer.lines.append("")


def _people_and_ports(writer: _Writer, kind: str, value: dict[str, Any], now: float) -> None:
    rows: list[dict[str, Any]] = value[kind]
    lines = {"users": _user_lines, "servers": _server_lines, "ports": _port_lines}[kind](rows, now)
    writer.row(kind, str(len(rows)) if rows and value["hosted"] else _count(kind, rows))
    shown = list(lines)
    for head, text in shown[:_SHOWN]:
        writer.wrapped(f"  {head:<20} ", text)
    if len(shown) > _SHOWN:
        listing = {"users": ": tw list users", "servers": ": tw list servers"}.get(kind, "")
        writer.wrapped("  ", f"and {len(shown) - _SHOWN} more{listing}")


def _count(kind: str, rows: list[dict[str, Any]]) -> str:
    if not rows:
        return "none yet"
    if kind == "ports":
        return f"{len(rows)}"
    if rows[0]["online"] is None:
        return f"{len(rows)}; nobody can be connected while it does not run"
    return f"{sum(bool(row['online']) for row in rows)} of {len(rows)} connected"


def _user_lines(rows: Iterable[dict[str, Any]], now: float) -> Iterator[tuple[str, str]]:
    """Those that are there, and those that are not let in, which one may wonder about."""
    for row in rows:
        if not row["let_in"] and not row["online"]:
            yield row["name"], "not let in: tw list users tells why"
        for session in row["sessions"]:
            open_now = ", ".join(
                f"{x['target']}" + (f" ({x['open']} times)" if x["open"] > 1 else "")
                for x in session["connections"]
            )
            yield row["name"], f"since {_moment(session['since'], now)}; {open_now or 'nothing open'}"


def _server_lines(rows: Iterable[dict[str, Any]], now: float) -> Iterator[tuple[str, str]]:
    for row in rows:
        if row["online"]:
            since = f"since {_moment(row['since'], now)}; " if row["since"] else ""
            yield row["server"], f"{since}{_streams(row['streams'])}, port {row['port']}"
        elif row["online"] is not None:
            yield row["server"], f"not connected, port {row['port']}"


def _streams(count: int) -> str:
    return "no client" if not count else f"{count} client stream{'' if count == 1 else 's'}"


def _port_lines(rows: Iterable[dict[str, Any]], now: float) -> Iterator[tuple[str, str]]:
    for row in rows:
        text = f"-> {row['target']}"
        if row["open"] is None:
            text += "  closed"
        else:
            text += f"  {row['open']} open, {row['opened']} so far"
        yield row["address"], text
        if row["error"]:
            yield "", f"the last one failed: {row['error']['code']}: {row['error']['why']}"


def _moment(since: float, now: float) -> str:
    """Local time; with the day, unless it is today."""
    then = datetime.fromtimestamp(since, UTC).astimezone()
    today = datetime.fromtimestamp(now, UTC).astimezone().date()
    return f"{then:%H:%M}" if then.date() == today else f"{then:%Y-%m-%d %H:%M}"


def _problem(problem: TwError) -> str:
    text = f"{problem.code}: {problem}"
    return f"{text} (try: {problem.hint})" if problem.hint else text
