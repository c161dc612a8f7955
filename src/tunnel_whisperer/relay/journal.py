"""What happens at the relay, told to the log and to the audit record in the same words, and counted.

The relay knows its tenants by name, and their users by the UUIDs in their certificates alone.
"""

from __future__ import annotations

import itertools
import logging
import secrets
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from ..base.audit_events import Audit, unrecorded
from ..base.counters import OTHER, Tally
from ..base.errors import TwError
from ..base.values import HostPort
from ..net.splice import SpliceResult

__all__ = ["Arrival", "Journal", "ServerOnline", "Stream"]

_log = logging.getLogger("tw.relay")


def _is_guest(server_id: str) -> bool:
    """Whether it is the id of an invitation, such as no server has (tenancy.invites)."""
    return server_id.startswith("_")


def _who(server_id: str) -> str:
    return f"guest:{server_id}" if _is_guest(server_id) else f"tenant:{server_id}"


@dataclass(frozen=True, slots=True)
class ServerOnline:
    """A session of a server, as it is spoken of."""

    server_id: str
    id: str
    """Names the session in the audit record."""
    since: float
    """When it began, Unix time."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """Who asks for a stream to a server."""

    server_id: str
    uuid: UUID | None
    """Of the user, or of the server itself; None where the certificate names nobody."""
    address: HostPort
    """Where the request came from."""

    @property
    def who(self) -> str:
        """As in the audit record."""
        return _who(self.server_id)


@dataclass(frozen=True, slots=True)
class Stream:
    """A user's stream that was joined to its server."""

    arrival: Arrival
    number: int
    """From 1, over all streams."""
    since: float
    """Unix time."""


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
        """By server: room for those that are open; all so far."""
        self.traffic = Tally[str](4, OTHER)
        """By server: bytes up and down of the streams that are over; room for those that are open; all
        so far."""
        self.refused: Counter[tuple[str, str]] = Counter()
        """By what and why."""

    def login_refused(self, user: str, *, known: bool) -> None:
        """Somebody showed a key that is not the one of this server."""
        self.refused["login", "wrong-key" if known else "unknown-name"] += 1
        why = "another key than the one that was enrolled" if known else f"unknown server {user!r}"
        self._audit("login-refused", _who(user) if known else "stranger", why=why)

    def login(self, server_id: str, address: HostPort | None) -> ServerOnline:
        """A server logged in."""
        online = ServerOnline(server_id, secrets.token_hex(4), self._wall_clock())
        if not _is_guest(server_id):
            self.sessions.add(server_id, 0, 1)
        came_from = "" if address is None else str(address)
        self._audit("login", _who(server_id), session=online.id, address=came_from)
        return online

    def session_ended(self, online: ServerOnline, error: TwError | None) -> None:
        """A session of a server is over."""
        why = "closed by the server" if error is None else str(error)
        what = "guest" if _is_guest(online.server_id) else "server"
        _log.info("%s: %s disconnected: %s", online.server_id, what, why)
        self._audit(
            "session-ended",
            _who(online.server_id),
            session=online.id,
            seconds=self._seconds(online.since),
            why=why,
        )

    def listening(self, server_id: str, bind: HostPort) -> None:
        """A server can be reached."""
        _log.info("%s: server connected, listens on %s", server_id, bind)

    def listen_refused(self, server_id: str, bind: HostPort) -> None:
        """A server asked to be reached elsewhere than it may."""
        self.refused["listener", "not-authorised"] += 1
        _log.warning("%s: refused to listen on %s", server_id, bind)
        self._audit("listen-refused", _who(server_id), address=str(bind))

    def stream_refused(self, arrival: Arrival, error: TwError, *, quiet: bool = False) -> None:
        """Somebody with a certificate did not get a stream.

        Args:
            quiet: the log has been told of the like already.
        """
        self.refused["stream", error.code] += 1
        if not quiet:
            _log.info("%s: stream refused: %s", arrival.server_id, error)
        self._audit(
            "stream-refused",
            arrival.who,
            uuid=str(arrival.uuid or ""),
            address=str(arrival.address),
            code=error.code,
            why=error.why,
        )

    def stream_opened(self, arrival: Arrival) -> Stream:
        """A user's stream reached its server."""
        stream = Stream(arrival, next(self._numbers), self._wall_clock())
        self.traffic.add(arrival.server_id, 0, 0, 0, 1)
        self._audit(
            "stream-opened",
            arrival.who,
            uuid=str(arrival.uuid or ""),
            address=str(arrival.address),
            stream=stream.number,
        )
        return stream

    def stream_closed(self, stream: Stream, result: SpliceResult) -> None:
        """It is over; A is the client, B the server."""
        self.traffic.add(stream.arrival.server_id, result.bytes_ab, result.bytes_ba)
        self._audit(
            "stream-closed",
            stream.arrival.who,
            uuid=str(stream.arrival.uuid or ""),
            stream=stream.number,
            bytes_up=result.bytes_ab,
            bytes_down=result.bytes_ba,
            seconds=self._seconds(stream.since),
            why=result.reason,
        )

    def _seconds(self, since: float) -> int:
        return max(0, round(self._wall_clock() - since))
