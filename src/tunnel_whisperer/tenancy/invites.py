"""Invitations of a relay or a server that are not over: ``invites/<id>.json``, one file each.

A file holds public keys and what the invitation is for, never the secret. It stays until the end
of the invitation, also when it was used: so the same guest who lost the answer gets it again, and
another one is told that it was used.
"""

from __future__ import annotations

import base64
import hashlib
import logging
import time
import uuid
from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace
from pathlib import Path

from ..base.errors import Misuse, Refused
from ..base.limits import MAX_INVITATION_S, MAX_INVITATIONS, MAX_RECORD_BYTES
from ..pki import check_ca, check_public_key
from ..profile import Profile, ensure_directory, locked, remove_file, write_file
from .names import check_user_name
from .records import RecordReader, format_record

__all__ = ["Invite", "InviteBook", "invitation_id"]

_log = logging.getLogger("tw.tenancy")

_ASK = "ask for a new invitation"


def invitation_id(public_key: str) -> str:
    """The id of the invitation with this SSH key: 16 characters, such as no server id is made of."""
    digest = hashlib.sha256(check_public_key(public_key).encode()).digest()[:10]
    return "_" + base64.b32encode(digest).decode().lower()


@dataclass(frozen=True, slots=True)
class Invite:
    """One invitation, as who made it knows it."""

    public_key: str
    """``ssh-ed25519 AAAA..``, which the secret gives; also what it is found by."""
    expires: float
    """Unix time in seconds."""
    created_at: float
    """Unix time in seconds."""
    name: str
    """Server id or user name; empty: any server id."""
    uuid: uuid.UUID
    """VLESS user id of the guest: the invitation's own at a relay, the user's at a server."""
    ca_pem: str = ""
    """At a relay: the CA whose key the secret gives."""
    relay_port: int = 443
    """At a relay: the port that clients dial."""
    used_by: str = ""
    """SSH public key of the guest who used it; empty: nobody yet."""
    used_as: str = ""
    """Server id or user name that he got."""

    @property
    def id(self) -> str:
        """Its file's name, and its path at a relay."""
        return invitation_id(self.public_key)

    def to_text(self) -> str:
        """The file."""
        return format_record(
            {
                "public_key": self.public_key,
                "expires": self.expires,
                "created_at": self.created_at,
                "name": self.name,
                "uuid": str(self.uuid),
                "ca": self.ca_pem,
                "relay_port": self.relay_port,
                "used_by": self.used_by,
                "used_as": self.used_as,
            }
        )

    @classmethod
    def parse(cls, data: bytes, where: str = "") -> Invite:
        """The invitation in a file.

        Raises:
            Misuse: ``bad-record``, with the field.
        """
        reader = RecordReader(
            data, limit=MAX_RECORD_BYTES, code="bad-record", where=where, what="record of an invitation"
        )
        invite = cls(
            _checked(reader, "public_key", check_public_key),
            reader.moment("expires"),
            reader.moment("created_at"),
            _checked(reader, "name", check_user_name, optional=True),
            reader.uuid("uuid"),
            _checked(reader, "ca", _same_ca, optional=True),
            reader.number("relay_port", 1, 65535),
            _checked(reader, "used_by", check_public_key, optional=True),
            _checked(reader, "used_as", check_user_name, optional=True),
        )
        reader.end()
        return invite


def _same_ca(pem: str) -> str:
    check_ca(pem)
    return pem


def _checked(reader: RecordReader, name: str, check: Callable[[str], str], *, optional: bool = False) -> str:
    text = reader.text(name)
    if optional and not text:
        return ""
    try:
        return check(text)
    except Misuse as exc:
        reader.fail(name, exc.why)


class InviteBook:
    """All invitations of one relay or server.

    Args:
        profile: its directory.
        wall_clock: seconds since 1970.
    """

    def __init__(self, profile: Profile, wall_clock: Callable[[], float] = time.time) -> None:
        self._profile = profile
        self._wall_clock = wall_clock
        self._ends: dict[tuple[str, int, int], float] = {}  # for ``stamp``

    def add(self, invite: Invite) -> None:
        """Let this guest come; an earlier invitation of the same name is withdrawn.

        Raises:
            Misuse: ``bad-argument`` for its end, ``too-many``, ``state-not-written``.
        """
        now = self._wall_clock()
        if not now < invite.expires <= now + MAX_INVITATION_S:
            days = MAX_INVITATION_S // 86_400
            raise Misuse("bad-argument", f"an invitation lives for up to {days} days", hint="--expires 24h")
        with locked(self._profile):
            self._clear()
            if invite.name:
                self.withdraw(invite.name)
            if len(self._paths()) >= MAX_INVITATIONS:
                raise Misuse(
                    "too-many",
                    f"there are {MAX_INVITATIONS} invitations already",
                    hint="withdraw one, or wait until one has expired",
                )
            ensure_directory(self._profile.invites)
            write_file(self._path(invite.id), invite.to_text())

    def find(self, public_key: str) -> Invite | None:
        """The invitation with this SSH key, if it is not over; one that was used is found, too."""
        path = self._path(invitation_id(public_key))
        try:
            invite = Invite.parse(self._profile.read(path), str(path))
        except Misuse as exc:
            if exc.code != "not-set-up":
                _log.error("this invitation is not valid: %s", exc)
            return None
        if invite.id != path.stem or self._is_over(invite):
            return None
        return invite

    def all(self) -> list[Invite]:
        """All that are not over, the next to end first."""
        found = []
        for path in self._paths():
            try:
                invite = Invite.parse(self._profile.read(path), str(path))
            except Misuse as exc:
                _log.error("this invitation is not valid: %s", exc)
            else:
                if not self._is_over(invite):
                    found.append(invite)
        return sorted(found, key=lambda invite: invite.expires)

    def open(self, public_key: str, guest: str) -> Invite:
        """The invitation that this guest may use, or has used.

        Args:
            public_key: of the invitation.
            guest: the public key that he will have.

        Raises:
            Refused: ``invitation-over``.
        """
        invite = self.find(public_key)
        if invite is None:
            raise Refused("invitation-over", "this invitation has expired or was withdrawn", hint=_ASK)
        if invite.used_by not in ("", guest):
            raise Refused("invitation-over", "somebody else has used this invitation", hint=_ASK)
        return invite

    def use(self, invite: Invite, guest: str, name: str) -> None:
        """Nobody but this guest can use it from now on.

        Raises:
            Misuse: ``state-not-written``.
        """
        used = replace(invite, used_by=guest, used_as=name)
        if used != invite:
            write_file(self._path(invite.id), used.to_text())

    def withdraw(self, name: str) -> int:
        """Take back the invitations of a name or id, used ones included.

        Returns:
            How many there were.

        Raises:
            Misuse: ``state-not-written``.
        """
        gone = [x for x in self.all() if name in (x.name, x.used_as, x.id)]
        for invite in gone:
            remove_file(self._path(invite.id))
        return len(gone)

    def stamp(self) -> Hashable:
        """Changes whenever an invitation comes, goes, is used or ends; costs a look at the directory."""
        known, self._ends = self._ends, {}
        stamps = []
        for path in self._paths():
            try:
                status = path.stat()
            except OSError:
                continue
            stamp = (path.name, status.st_ino, status.st_mtime_ns)
            self._ends[stamp] = known[stamp] if stamp in known else self._end_of(path)
            stamps.append((*stamp, self._wall_clock() >= self._ends[stamp]))
        return tuple(stamps)

    def _end_of(self, path: Path) -> float:
        try:
            return Invite.parse(self._profile.read(path), str(path)).expires
        except Misuse:
            return 0.0

    def _clear(self) -> None:
        """Remove the files of those that are over, and damaged ones."""
        valid = {invite.id for invite in self.all()}
        for path in self._paths():
            if path.stem not in valid:
                remove_file(path)

    def _is_over(self, invite: Invite) -> bool:
        return self._wall_clock() >= invite.expires

    def _path(self, invitation: str) -> Path:
        return self._profile.invites / f"{invitation}.json"

    def _paths(self) -> list[Path]:
        # Path.glob leaves hidden files in: those of a write that was killed.
        return sorted(path for path in self._profile.invites.glob("_*.json"))
