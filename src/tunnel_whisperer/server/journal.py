"""What happens at the server, told to the log and to the audit record in the same words, and counted."""

from __future__ import annotations

import itertools
import logging
import secrets
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from ..base.audit_events import Audit, unrecorded
from ..base.counters import OTHER, Refusals, Tally
from ..base.errors import Misuse, Refused, TwError
from ..base.values import HostPort
from ..net.splice import SpliceResult
from ..ssh.authorized_keys import Access
from ..ssh.endpoint import ServerSession
from ..ssh.keys import fingerprint

__all__ = ["Channel", "Journal", "Online"]

_log = logging.getLogger("tw.server")


@dataclass(frozen=True, slots=True)
class Online:
    """A session of a user, as it is spoken of."""

    user: str
    """The comment of the user's line when the session began; it outlives the line."""
    id: str
    """Names the session in the audit record."""
    since: float
    """When it began, Unix time."""

    @property
    def name(self) -> str:
        """As people know it."""
        return self.user.removesuffix("@tw")

    @property
    def who(self) -> str:
        """As in the audit record."""
        return f"user:{self.name}"


@dataclass(frozen=True, slots=True)
class Channel:
    """A connection to a target, as it is spoken of."""

    user: str
    """Whose it is, as people know the user."""
    target: HostPort
    number: int
    """From 1, over all sessions."""
    since: float
    """Unix time."""


def _fingerprint(public_key: str) -> str:
    try:
        return fingerprint(public_key)
    except Misuse:  # strangers have keys of other kinds
        return "not ssh-ed25519"


class Journal:
    """Takes down.

    Args:
        audit: the record.
        wall_clock: Unix time, seconds.
    """

    def __init__(self, audit: Audit = unrecorded, wall_clock: Callable[[], float] = time.time) -> None:
        self._audit = audit
        self._wall_clock = wall_clock
        self._numbers = itertools.count(1)
        self.sessions = Tally[str](2, OTHER)
        """By user: room for those that are open; all so far."""
        self.traffic = Tally[tuple[str, int]](4, (OTHER, 0))
        """By user and port of the target: bytes up and down of the connections that are over; room for
        those that are open; all so far."""
        self._refused: Counter[tuple[str, str]] = Counter()

    def login_refused(self, user: str, public_key: str, access: Access | None) -> None:
        """Somebody showed a key that is not let in; that it is theirs is not proved."""
        who = "stranger"
        if access is None:
            why, reason = "unknown key", "unknown-key"
        elif access.expired(self._wall_clock()):
            why, reason = "has expired", "expired"
        else:
            why, reason = f"unknown user name {user!r}", "unknown-name"
        self._refused["login", reason] += 1
        if access is not None:
            who = Online(access.comment or "unnamed", "", 0.0).who
        self._audit("login-refused", who, key=_fingerprint(public_key), why=why)

    def login_turned_away(self) -> None:
        """One login too many in a moment; whoever causes them must not fill the record."""
        self._refused["login", "too-many"] += 1

    def login(self, session: ServerSession, access: Access | None) -> Online:
        """A user logged in."""
        name = access.comment if access is not None and access.comment else session.user
        online = Online(name, secrets.token_hex(4), self._wall_clock())
        self.sessions.add(online.name, 0, 1)
        _log.info("user %s connected", online.name)
        peer = session.extra.get("peername")
        came_from = str(HostPort(*peer[:2])) if peer else ""
        self._audit(
            "login",
            online.who,
            session=online.id,
            key=_fingerprint(session.public_key),
            address=came_from,
        )
        return online

    def session_ended(self, online: Online, error: TwError | None) -> None:
        """A session is over."""
        why = "closed by the client" if error is None else str(error)
        _log.info("user %s disconnected: %s", online.name, why)
        self._audit(
            "session-ended", online.who, session=online.id, seconds=self._seconds(online.since), why=why
        )

    def refused(self, online: Online, target: HostPort, error: TwError) -> None:
        """A user did not get to a target."""
        self._refused["channel", error.code] += 1
        how = f"refused {target}:" if isinstance(error, Refused) else f"{target}"
        _log.warning("%s: %s %s", online.name, how, error.why)
        self._audit(
            "channel-refused",
            online.who,
            session=online.id,
            target=str(target),
            code=error.code,
            why=error.why,
        )

    def opened(self, online: Online, target: HostPort) -> Channel:
        """A user is connected to a target."""
        channel = Channel(online.name, target, next(self._numbers), self._wall_clock())
        self.traffic.add((online.name, target.port), 0, 0, 0, 1)
        _log.info("%s: opened %s", online.name, target)
        self._audit(
            "channel-opened", online.who, session=online.id, channel=channel.number, target=str(target)
        )
        return channel

    def closed(self, online: Online, channel: Channel, result: SpliceResult) -> None:
        """A connection is over; A is the client, B the target."""
        self.traffic.add((online.name, channel.target.port), result.bytes_ab, result.bytes_ba)
        _log.info("%s: closed %s: %s", online.name, channel.target, result)
        self._audit(
            "channel-closed",
            online.who,
            session=online.id,
            channel=channel.number,
            target=str(channel.target),
            bytes_up=result.bytes_ab,
            bytes_down=result.bytes_ba,
            seconds=self._seconds(channel.since),
            why=result.reason,
        )

    def refusals(self) -> tuple[Refusals, ...]:
        """What was refused so far; reasons are ours, so there are few."""
        return tuple(Refusals(*label, count) for label, count in sorted(self._refused.items()))

    def _seconds(self, since: float) -> int:
        return max(0, round(self._wall_clock() - since))
