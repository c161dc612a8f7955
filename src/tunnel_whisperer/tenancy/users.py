"""The users of a server: ``users/<name>/`` with their files, and a line each in ``authorized_keys``.

The line lets a user in, and nothing else does: it is written last and goes first, so that a crash
never leaves anybody in whom the files do not know, nor a line that nobody can take back.
"""

from __future__ import annotations

import difflib
import shutil
import time
import uuid
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..base.errors import Misuse
from ..base.limits import MAX_GRANTS_PER_USER, MAX_RECORD_BYTES
from ..base.values import Grant, HostPort
from ..pki import check_public_key, issue_client, new_ssh_key
from ..profile import Profile, ensure_directory, locked, write_file, write_files
from .access_lines import add_line, format_line, has_line, remove_lines
from .identity import load_authority, need_mode
from .names import check_user_name
from .records import RecordReader, format_record

__all__ = ["User", "UserBook"]

_FIRST_STEP = "tw join RELAY"
_LAST_MOMENT = 253402300800.0
"""10000-01-01: years have four digits in the access record."""


@dataclass(frozen=True, slots=True)
class User:
    """Somebody that a server lets in."""

    name: str
    uuid: uuid.UUID
    """VLESS user id."""
    public_key: str
    """``ssh-ed25519 AAAA..``."""
    grants: tuple[Grant, ...]
    created_at: float
    """Unix time in seconds."""
    expires: float | None = None
    """Unix time in seconds; None: never."""
    single_session: bool = False
    """One session at a time: a new one ends the old."""

    def access_line(self) -> str:
        """The line in ``authorized_keys``, without its end."""
        return format_line(self.name, self.public_key, [grant.target for grant in self.grants], self.expires)

    def to_text(self) -> str:
        """The file ``user.json``."""
        return format_record(
            {
                "name": self.name,
                "uuid": str(self.uuid),
                "public_key": self.public_key,
                "grants": [
                    {"local_port": x.local_port, "host": x.target.host, "port": x.target.port}
                    for x in self.grants
                ],
                "created_at": self.created_at,
                "expires": self.expires,
                "single_session": self.single_session,
            }
        )

    @classmethod
    def parse(cls, data: bytes, where: str = "") -> User:
        """The user in a file.

        Raises:
            Misuse: ``bad-record``, with the field.
        """
        reader = RecordReader(
            data, limit=MAX_RECORD_BYTES, code="bad-record", where=where, what="record of a user"
        )
        name, public_key = reader.text("name"), reader.text("public_key")
        try:
            check_user_name(name)
            check_public_key(public_key)
        except Misuse as exc:
            reader.fail("public_key" if exc.code == "bad-key" else "name", exc.why)
        grants = [
            _grant(reader, index, item)
            for index, item in enumerate(reader.items("grants", MAX_GRANTS_PER_USER))
        ]
        user = cls(
            name,
            reader.uuid("uuid"),
            public_key,
            tuple(grants),
            reader.moment("created_at"),
            reader.optional_moment("expires"),
            reader.flag("single_session"),
        )
        reader.end()
        return user


def _grant(reader: RecordReader, index: int, item: Any) -> Grant:
    match item:
        case {"local_port": int(local), "host": str(host), "port": int(port), **rest} if not rest:
            pass
        case _:
            reader.fail(f"grants[{index}]", "is not local_port, host and port")
    try:
        return Grant.parse(f"{local}:{HostPort(host, port)}")
    except Misuse as exc:
        reader.fail(f"grants[{index}]", exc.why)


class UserBook:
    """All users of one server.

    Args:
        profile: the server's directory.
        wall_clock: seconds since 1970.
    """

    def __init__(self, profile: Profile, wall_clock: Callable[[], float] = time.time) -> None:
        self._profile = profile
        self._wall_clock = wall_clock

    def create(
        self,
        name: str,
        grants: Iterable[Grant],
        *,
        expires: float | None = None,
        single_session: bool = False,
    ) -> User:
        """Make a user with key and certificate, and let them in from now on.

        After a crash, the same call completes what was begun.

        Args:
            grants: at least one; each local port once.
            expires: Unix time in seconds; None: never.

        Raises:
            Misuse: ``bad-argument``, ``exists``, ``wrong-role``, ``not-set-up``, ``too-many``,
                ``state-not-written``.
        """
        check_user_name(name)
        wanted = self._check_grants(tuple(grants))
        expires = self._check_expiry(expires)
        with locked(self._profile):
            need_mode(self._profile, "server", _FIRST_STEP)
            record = self._access_record()
            if self._file(name).exists():
                user = self._read(name)
                same = (user.grants, user.expires, user.single_session) == (wanted, expires, single_session)
                if has_line(record, name, user.public_key) or not same:
                    raise _exists(name)
            elif has_line(record, name, ""):
                raise _exists(name)
            else:
                user = self._make(name, wanted, expires, single_session=single_session)
            write_file(self._profile.authorized_keys, add_line(record, user.access_line()))
            return user

    def delete(self, name: str) -> None:
        """Let them in no more, and forget them; a running server ends their sessions.

        Raises:
            Misuse: ``no-such-name``, ``bad-argument``, ``wrong-role``, ``state-not-written``.
        """
        check_user_name(name)
        with locked(self._profile):
            need_mode(self._profile, "server", _FIRST_STEP)
            record = self._access_record()
            directory = self._file(name).parent
            if not directory.exists() and not has_line(record, name, ""):
                raise self._unknown(name)
            changed = remove_lines(record, name, self._key_of(name))
            if changed != record:
                write_file(self._profile.authorized_keys, changed)
            self._forget(directory)

    def get(self, name: str) -> User:
        """One user.

        Raises:
            Misuse: ``no-such-name``, ``bad-argument``, ``bad-record``.
        """
        check_user_name(name)
        if not self._file(name).exists():
            raise self._unknown(name)
        return self._read(name)

    def all(self) -> list[User]:
        """All users, by name; those whose making was cut short are not among them.

        Raises:
            Misuse: ``bad-record``.
        """
        return [self._read(name) for name in self._names()]

    def is_active(self, user: User) -> bool:
        """Whether they are let in: their time has not ended, and the access record has a line of theirs.

        Raises:
            Misuse: ``file-unreadable``.
        """
        if user.expires is not None and int(user.expires) <= self._wall_clock():
            return False
        return has_line(self._access_record(), user.name, user.public_key)

    def stamp(self) -> Hashable:
        """Changes whenever a user comes, goes or changes."""
        stamps = []
        for path in [self._profile.authorized_keys, *(self._file(name) for name in self._names())]:
            try:
                status = path.stat()
            except OSError:
                continue
            stamps.append((str(path), status.st_ino, status.st_mtime_ns, status.st_size))
        return tuple(stamps)

    def _names(self) -> list[str]:
        return sorted(path.parent.name for path in self._profile.users.glob("*/user.json"))

    def _file(self, name: str) -> Path:
        return self._profile.users / name / "user.json"

    def _read(self, name: str) -> User:
        path = self._file(name)
        user = User.parse(self._profile.read(path), str(path))
        if user.name != name:
            raise Misuse("bad-record", f"name: is not {name!r}", where=str(path))
        return user

    def _key_of(self, name: str) -> str:
        """The user's public key; empty where that is lost, which must not stop a deletion."""
        try:
            return self._read(name).public_key
        except Misuse:
            return ""

    def _access_record(self) -> bytes:
        path = self._profile.authorized_keys
        return self._profile.read(path) if path.exists() else b""

    def _make(
        self, name: str, grants: tuple[Grant, ...], expires: float | None, *, single_session: bool
    ) -> User:
        ca = load_authority(self._profile.ca_cert, self._profile.ca_key)
        private, public = new_ssh_key()
        user = User(name, uuid.uuid4(), public, grants, self._wall_clock(), expires, single_session)
        cert, key = issue_client(ca, user.uuid, name)
        path = self._file(name)
        ensure_directory(self._profile.users)
        ensure_directory(path.parent)
        own = Profile(path.parent)
        write_files(
            {
                own.private_key: private,
                own.public_key: f"{public} {name}@tw\n",
                own.client_key: key,
                own.client_cert: cert,
                path: user.to_text(),
            }
        )
        return user

    def _forget(self, directory: Path) -> None:
        try:
            # Without user.json there is no such user, whatever else is left.
            (directory / "user.json").unlink(missing_ok=True)
            if directory.exists():
                shutil.rmtree(directory)
        except OSError as exc:
            raise Misuse(
                "state-not-written",
                f"{exc.strerror or exc}; the user is let in no more, but files are left",
                where=str(directory),
                hint="delete the user again",
            ) from exc

    def _unknown(self, name: str) -> Misuse:
        close = difflib.get_close_matches(name, self._names(), n=1)
        hint = f"did you mean {close[0]}?" if close else "tw list users shows them"
        return Misuse("no-such-name", f"there is no user {name!r}", hint=hint)

    @staticmethod
    def _check_grants(grants: tuple[Grant, ...]) -> tuple[Grant, ...]:
        if not grants:
            raise Misuse(
                "bad-argument", "a user without a port can do nothing", hint="-m PORT, as in -m 5432"
            )
        if len(grants) > MAX_GRANTS_PER_USER:
            raise Misuse("too-many", f"a user has at most {MAX_GRANTS_PER_USER} grants")
        ports = [grant.local_port for grant in grants]
        for port in ports:
            if ports.count(port) > 1:
                raise Misuse(
                    "bad-argument",
                    f"local port {port} is given twice",
                    hint=f"renumber one: -m {port + 10000}:...",
                )
        return grants

    def _check_expiry(self, expires: float | None) -> float | None:
        if expires is None:
            return None
        if not self._wall_clock() < expires < _LAST_MOMENT:
            raise Misuse("bad-argument", "the end is not in the future", hint="--expires 2030-12-24T18:00")
        return float(int(expires))


def _exists(name: str) -> Misuse:
    return Misuse(
        "exists", f"there is a user {name!r} already", hint=f"tw delete user {name}, or another name"
    )
