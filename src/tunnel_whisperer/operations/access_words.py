"""How access is spelled and told: ports, ends, what somebody may reach, and what a change makes of it."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from ..base.errors import Misuse
from ..base.values import Grant, parse_port
from ..tenancy import App, User, spell_grant

__all__ = [
    "TIME_EXAMPLE",
    "Difference",
    "app_difference",
    "difference",
    "first_of",
    "grant_value",
    "moment_text",
    "moment_value",
    "parse_expiry",
    "parse_grants",
    "reach",
    "reach_value",
    "revoked",
]

TIME_EXAMPLE = "2030-12-24T18:00"

_LENGTH = re.compile(r"([0-9]{1,5})([mhd])", re.ASCII)
_UNITS = {"m": 60, "h": 3600, "d": 86_400}


def parse_grants(texts: Iterable[str]) -> tuple[Grant, ...]:
    """Grants as people spell them; the same twice is once.

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


def moment_value(moment: float | None) -> str | None:
    """Unix time for programs: ISO 8601 in UTC."""
    return None if moment is None else datetime.fromtimestamp(moment, UTC).isoformat()


def grant_value(grant: Grant, app: str | None = None) -> dict[str, object]:
    """A grant for programs."""
    return {
        "local_port": grant.local_port,
        "host": grant.target.host,
        "port": grant.target.port,
        "leaves_server": grant.leaves_server,
        "app": app,
    }


def first_of(user: User, grant: Grant) -> str | None:
    """The app that gives this grant to a user; None: it is the user's own."""
    if grant in user.own_grants:
        return None
    return next((app.name for app in user.apps if grant in app.grants), None)


def reach(user: User) -> list[tuple[Grant, str | None]]:
    """All that a user may reach, each with the app that gives it."""
    return [(grant, first_of(user, grant)) for grant in user.grants]


def reach_value(user: User) -> list[dict[str, object]]:
    """The same for programs."""
    return [grant_value(grant, app) for grant, app in reach(user)]


@dataclass(frozen=True, slots=True)
class Difference:
    """What a change takes and gives; false where that is nothing."""

    removed: tuple[Grant, ...]
    added: tuple[Grant, ...]
    apps: tuple[tuple[str, ...], tuple[str, ...]] | None = None
    """Names before and after; None: as they were. So are the others."""
    expires: tuple[float | None, float | None] | None = None
    """Unix time; None in it: never."""
    single_session: tuple[bool, bool] | None = None

    def __bool__(self) -> bool:
        pairs = (self.apps, self.expires, self.single_session)
        return bool(self.removed or self.added) or any(pair is not None for pair in pairs)

    def to_json(self) -> dict[str, object]:
        """For programs: what stays as it was is null."""
        apps, expires, single = self.apps, self.expires, self.single_session
        return {
            "removed": [grant_value(grant) for grant in self.removed],
            "added": [grant_value(grant) for grant in self.added],
            "apps": None if apps is None else {"before": list(apps[0]), "after": list(apps[1])},
            "expires": None
            if expires is None
            else {"before": moment_value(expires[0]), "after": moment_value(expires[1])},
            "single_session": None if single is None else {"before": single[0], "after": single[1]},
        }


def difference(before: User, after: User) -> Difference:
    """What is different of a user."""
    names = tuple(app.name for app in before.apps), tuple(app.name for app in after.apps)
    return Difference(
        *_grants(before, after),
        names if names[0] != names[1] else None,
        (before.expires, after.expires) if before.expires != after.expires else None,
        (before.single_session, after.single_session)
        if before.single_session is not after.single_session
        else None,
    )


def app_difference(before: App, after: App) -> Difference:
    """What is different of an app."""
    return Difference(*_grants(before, after))


def _grants(before: User | App, after: User | App) -> tuple[tuple[Grant, ...], tuple[Grant, ...]]:
    gone = tuple(grant for grant in before.grants if grant not in after.grants)
    return gone, tuple(grant for grant in after.grants if grant not in before.grants)
