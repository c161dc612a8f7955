"""What the commands about users and apps share: flags, and how access is told to a person."""

from __future__ import annotations

import argparse
import re
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime

from ..base.errors import Misuse
from ..base.values import Grant, parse_port
from ..tenancy import Change, Standing, User, spell_grant

__all__ = [
    "EXPIRY_HELP",
    "GRANT_HELP",
    "MARK_NOTE",
    "TIME_EXAMPLE",
    "add_grant_flag",
    "changed_lines",
    "first_of",
    "grant_lines",
    "grant_value",
    "moment_text",
    "parse_expiry",
    "parse_grants",
    "print_followers",
    "reach_lines",
    "revoked",
    "short_grants",
    "way_in",
]

ELSEWHERE = "(another machine)"
MARK = "(*)"
"""The same in a table, with ``MARK_NOTE`` below it."""
MARK_NOTE = f"{MARK} another machine than this server"

TIME_EXAMPLE = "2030-12-24T18:00"
EXPIRY_HELP = f"let in until then: {TIME_EXAMPLE} (local time), for 12h or 7d from now, or never"

_LENGTH = re.compile(r"([0-9]{1,5})([mhd])", re.ASCII)
_UNITS = {"m": 60, "h": 3600, "d": 86_400}

GRANT_HELP = """\
  5432                       port 5432 of this server, as port 5432 of theirs
  15432:5432                 the same, as port 15432 of theirs
  10502:plc-7.plant.lan:502  port 502 of a machine that this server reaches
  8080:[fd00::1]:80          the same by an IPv6 address"""
"""Spellings of a grant, one a line."""


def add_grant_flag(parser: argparse.ArgumentParser, *names: str) -> None:
    """``-m``: as often as needed, into ``args.map``."""
    parser.add_argument(
        *names,
        dest="map",
        action="append",
        default=[],
        metavar="[LOCAL:]PORT",
        help="a port of this server to open for them; LOCAL:PORT to number it otherwise at their end,"
        " LOCAL:HOST:PORT for a port of another machine (repeatable)",
    )


def parse_grants(texts: Iterable[str]) -> tuple[Grant, ...]:
    """What ``-m`` was given; the same twice is once.

    Raises:
        Misuse: ``bad-argument``.
    """
    return tuple(dict.fromkeys(Grant.parse(text) for text in texts))


def revoked(grants: Sequence[Grant], text: str, whose: str) -> tuple[Grant, ...]:
    """The grants without the one named by its local port, or spelled in full.

    Raises:
        Misuse: ``no-such-name`` when it is not among them, ``bad-argument``.
    """
    if text.isdecimal():
        port = parse_port(text)
        gone = {grant for grant in grants if grant.local_port == port}
    else:
        gone = {Grant.parse(text)} & set(grants)
    if not gone:
        ports = ", ".join(spell_grant(grant) for grant in grants)
        raise Misuse(
            "no-such-name", f"{whose} has no grant {text[:70]!r}", hint=f"one of: {ports[:400] or 'none'}"
        )
    return tuple(grant for grant in grants if grant not in gone)


def parse_expiry(text: str) -> float | None:
    """A moment to come in Unix time, or None for ``never``.

    Raises:
        Misuse: ``bad-argument``.
    """
    text = text.strip()
    if text.lower() == "never":
        return None
    if (length := _LENGTH.fullmatch(text)) and int(length[1]):
        return int(time.time()) + int(length[1]) * _UNITS[length[2]]
    try:
        moment = datetime.fromisoformat(text).astimezone()
    except (ValueError, OverflowError):
        raise Misuse(
            "bad-argument", f"{text[:40]!r} is not a time", hint=f"write {TIME_EXAMPLE}, 12h, 7d or never"
        ) from None
    if moment <= datetime.now().astimezone():
        raise Misuse("bad-argument", f"{text} is over already", hint="name a time to come")
    return moment.timestamp()


def moment_text(moment: float | None) -> str:
    """Local time to the minute, or ``never``."""
    if moment is None:
        return "never"
    return datetime.fromtimestamp(moment, UTC).astimezone().strftime("%Y-%m-%d %H:%M")


def grant_value(grant: Grant, app: str | None = None) -> dict[str, object]:
    """A grant for programs."""
    return {
        "local_port": grant.local_port,
        "host": grant.target.host,
        "port": grant.target.port,
        "leaves_server": grant.leaves_server,
        "app": app,
    }


def short_grants(grants: Iterable[Grant], between: str = ", ") -> str:
    """One after the other; another machine is marked."""
    return between.join(f"{grant}{f' {MARK}' if grant.leaves_server else ''}" for grant in grants)


def grant_lines(grants: Iterable[Grant], sign: str = "") -> list[str]:
    """One a line; another machine is marked."""
    return [f"  {sign}{grant}{f'   {ELSEWHERE}' if grant.leaves_server else ''}" for grant in grants]


def reach_lines(user: User) -> list[str]:
    """All that a user may reach, one a line, with the app that gives it; another machine is marked."""
    lines = []
    for grant in user.grants:
        app = first_of(user, grant)
        by, mark = f" by {app}" if app else "", f"   {ELSEWHERE}" if grant.leaves_server else ""
        lines.append(f"  {grant}{by}{mark}")
    return lines


def first_of(user: User, grant: Grant) -> str | None:
    """The app that gives this grant to a user; None: it is the user's own."""
    if grant in user.own_grants:
        return None
    return next((app.name for app in user.apps if grant in app.grants), None)


def changed_lines(before: User, after: User) -> list[str]:
    """What is different, a line each; nothing where nothing is."""
    lines = grant_lines([x for x in before.grants if x not in after.grants], "- ")
    lines += grant_lines([x for x in after.grants if x not in before.grants], "+ ")
    rows: list[tuple[str, Callable[[User], str]]] = [
        ("apps", lambda user: ", ".join(app.name for app in user.apps) or "none"),
        ("expires", lambda user: moment_text(user.expires)),
        ("one session at a time", lambda user: "yes" if user.single_session else "no"),
    ]
    for title, value in rows:
        if value(before) != value(after):
            lines.append(f"  {title}: {value(before)} -> {value(after)}")
    return lines


def way_in(name: str, standing: Standing) -> str:
    """What lets a user in who is not, or not so."""
    if standing is Standing.EXPIRED:
        return f"tw edit user {name} --expires TIME lets them in again"
    if standing is Standing.INVITED:
        return f"tw export user {name} --invite invites them again"
    return f"tw apply {name} lets them in again"


def print_followers(changes: Sequence[Change]) -> None:
    """Who needs another file now."""
    for change in changes:
        if change.needs_new_file:
            name = change.after.name
            print(f"{name}'s file must be sent again, its ports changed: tw export user {name}")
