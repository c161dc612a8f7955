"""What the commands about users and apps share: flags, and how access is told to a person."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence

from ..base.values import Grant
from ..operations.access_words import TIME_EXAMPLE, Difference, difference, moment_text, reach
from ..tenancy import Change, Standing, User

__all__ = [
    "EXPIRY_HELP",
    "GRANT_HELP",
    "MARK_NOTE",
    "add_grant_flag",
    "changed_lines",
    "difference_lines",
    "grant_lines",
    "print_followers",
    "reach_lines",
    "short_grants",
    "way_in",
]

ELSEWHERE = "(another machine)"
MARK = "(*)"
"""The same in a table, with ``MARK_NOTE`` below it."""
MARK_NOTE = f"{MARK} another machine than this server"

EXPIRY_HELP = f"let in until then: {TIME_EXAMPLE} (local time), for 12h or 7d from now, or never"

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


def short_grants(grants: Iterable[Grant], between: str = ", ") -> str:
    """One after the other; another machine is marked."""
    return between.join(f"{grant}{f' {MARK}' if grant.leaves_server else ''}" for grant in grants)


def grant_lines(grants: Iterable[Grant], sign: str = "") -> list[str]:
    """One a line; another machine is marked."""
    return [f"  {sign}{grant}{f'   {ELSEWHERE}' if grant.leaves_server else ''}" for grant in grants]


def reach_lines(user: User) -> list[str]:
    """All that a user may reach, one a line, with the app that gives it; another machine is marked."""
    lines = []
    for grant, app in reach(user):
        by, mark = f" by {app}" if app else "", f"   {ELSEWHERE}" if grant.leaves_server else ""
        lines.append(f"  {grant}{by}{mark}")
    return lines


def changed_lines(before: User, after: User) -> list[str]:
    """What is different, a line each; nothing where nothing is."""
    return difference_lines(difference(before, after))


def difference_lines(found: Difference) -> list[str]:
    """The same of a user or an app."""
    lines = [*grant_lines(found.removed, "- "), *grant_lines(found.added, "+ ")]
    rows: list[tuple[str, tuple[str, str]]] = []
    if found.apps is not None:
        before, after = (", ".join(names) or "none" for names in found.apps)
        rows.append(("apps", (before, after)))
    if found.expires is not None:
        rows.append(("expires", (moment_text(found.expires[0]), moment_text(found.expires[1]))))
    if found.single_session is not None:
        before, after = ("yes" if on else "no" for on in found.single_session)
        rows.append(("one session at a time", (before, after)))
    # Two ends within one minute look the same.
    return lines + [f"  {title}: {old} -> {new}" for title, (old, new) in rows if old != new]


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
