"""A server's users as rows: how each stands, who is there now, and what each may reach."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from ..base.errors import Misuse
from ..daemon.snapshot import Snapshot, users_online
from ..profile import Profile
from ..tenancy import RENEW_BEFORE, Invite, InviteBook, Standing, User, UserBook
from .access_words import moment_value, reach_value
from .users import need_server

__all__ = [
    "FiledUsers",
    "UserRow",
    "UserRows",
    "certificate_end",
    "filed_users",
    "short_standing",
    "user_detail",
    "user_rows",
]

_SHORT = {
    Standing.LET_IN: "yes",
    Standing.DIFFERS: "differs",
    Standing.EXPIRED: "expired",
    Standing.INVITED: "invited",
    Standing.UNREGISTERED: "unregistered",
    Standing.OUT: "no",
}


def short_standing(standing: Standing) -> str:
    """``yes differs expired invited unregistered no``."""
    return _SHORT[standing]


@dataclass(frozen=True, slots=True)
class UserRow:
    """One user, as a list shows them."""

    user: User
    standing: Standing
    online: bool | None
    """None: the server does not run, so nobody can be there."""
    certificate_ends: datetime | None
    """None where the file is missing or damaged."""
    invited_until: float | None = None
    """Unix time; None: there is no invitation that somebody could use."""
    sessions: Sequence[Mapping[str, Any]] = ()
    """Those that are open (see ``daemon.snapshot``), where the server runs in this process."""

    @property
    def renewal_due(self) -> bool:
        """Whether the next file of this user gets a new certificate."""
        ends = self.certificate_ends
        return ends is not None and ends - datetime.now(UTC) <= RENEW_BEFORE

    def to_json(self) -> dict[str, Any]:
        """As ``tw list users --json`` gives it."""
        user, ends = self.user, self.certificate_ends
        return {
            "name": user.name,
            "let_in": self.standing in (Standing.LET_IN, Standing.DIFFERS),
            "state": _SHORT[self.standing],
            "online": self.online,
            "grants": reach_value(user),
            "apps": [app.name for app in user.apps],
            "expires": moment_value(user.expires),
            "single_session": user.single_session,
            "revision": user.revision,
            "certificate_ends": None if ends is None else ends.isoformat(),
        }


@dataclass(frozen=True, slots=True)
class UserRows:
    """All users, by name, and what is wrong with the records that cannot be read."""

    rows: list[UserRow]
    faults: list[Misuse]
    strangers: Sequence[Mapping[str, Any]] = ()
    """Sessions of those who have no record: a person wrote their line in ``authorized_keys``."""


@dataclass(frozen=True, slots=True)
class FiledUsers:
    """All users, as their files have them: nobody is online in it."""

    rows: Sequence[UserRow]
    faults: Sequence[Misuse]


def filed_users(profile: Profile) -> FiledUsers:
    """The part of ``user_rows`` that is slow where there are hundreds: it reads two files of each.

    Raises:
        Misuse: ``wrong-role``, ``not-set-up``, ``file-unreadable``.
    """
    need_server(profile)
    book = UserBook(profile)
    users, faults = book.survey()
    invites = _open_invitations(profile)
    rows = [
        _row(user, standing, book, invites)
        for user, standing in zip(users, book.standings(users), strict=True)
    ]
    return FiledUsers(rows, faults)


def user_rows(profile: Profile, live: Snapshot | None = None, filed: FiledUsers | None = None) -> UserRows:
    """All users of this server.

    Args:
        live: what the server that runs in this process tells now (see ``daemon.snapshot``); None: what
            the one that runs, if one does, wrote last.
        filed: what was just read of them.

    Raises:
        Misuse: ``wrong-role``, ``not-set-up``, ``file-unreadable``.
    """
    filed = filed_users(profile) if filed is None else filed
    online, sessions = _online(profile, live), _sessions(live)
    rows = [_with_live(row, online, sessions.pop(row.user.name, ())) for row in filed.rows]
    return UserRows(rows, list(filed.faults), [session for theirs in sessions.values() for session in theirs])


def user_detail(profile: Profile, name: str, live: Snapshot | None = None) -> dict[str, Any]:
    """One user, with all that is known of them.

    Args:
        live: as ``user_rows`` takes it.

    Returns:
        What the row has, and ``standing`` (in words), ``created_at``, ``invited_until``, ``file``
        (whether there can be one: else the keys are on the user's machine), ``renewal_due`` and
        ``sessions`` (see ``daemon.snapshot``; only of ``live``).

    Raises:
        Misuse: ``no-such-name``, ``bad-record``, ``wrong-role``.
    """
    need_server(profile)
    book = UserBook(profile)
    user = book.get(name)
    online, invites = _online(profile, live), _open_invitations(profile)
    filed = _row(user, book.standing(user), book, invites)
    row = _with_live(filed, online, _sessions(live).get(user.name, ()))
    return {
        **row.to_json(),
        "standing": row.standing.value,
        "created_at": moment_value(user.created_at),
        "invited_until": moment_value(row.invited_until),
        "file": book.has_keys(user.name),
        "renewal_due": row.renewal_due,
        "sessions": list(row.sessions),
    }


def certificate_end(user: User, book: UserBook) -> datetime | None:
    """None where the file is missing or damaged: then it is the export that says so."""
    try:
        return book.certificate_end(user)
    except Misuse:
        return None


def _online(profile: Profile, live: Snapshot | None) -> set[str] | None:
    if live is None:
        return users_online(profile)
    return {str(session["user"]) for session in live.get("sessions", [])}


def _open_invitations(profile: Profile) -> dict[str, Invite]:
    return {invite.name: invite for invite in InviteBook(profile).all() if not invite.used_by}


def _sessions(live: Snapshot | None) -> dict[str, Sequence[Mapping[str, Any]]]:
    """The open ones, by the name of their user."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    for session in (live or {}).get("sessions", []):
        found.setdefault(str(session["user"]), []).append(session)
    return dict(found)


def _row(user: User, standing: Standing, book: UserBook, invites: Mapping[str, Invite]) -> UserRow:
    """As the files have it."""
    return UserRow(
        user,
        standing,
        None,
        certificate_end(user, book),
        invites[user.name].expires if user.name in invites else None,
    )


def _with_live(row: UserRow, online: set[str] | None, sessions: Sequence[Mapping[str, Any]]) -> UserRow:
    """The same with who is there now."""
    return replace(row, online=None if online is None else row.user.name in online, sessions=sessions)
