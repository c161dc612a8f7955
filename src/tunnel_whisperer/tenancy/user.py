"""One user of a server: what is known of them, and the file ``user.json`` that says so."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..base.errors import Misuse
from ..base.limits import MAX_APPS, MAX_GRANTS_PER_USER, MAX_RECORD_BYTES
from ..base.values import Grant, HostPort
from ..pki import check_public_key
from .access_lines import format_line
from .names import check_app_name, check_user_name
from .records import RecordReader, format_record

__all__ = ["MAX_REVISION", "App", "User", "check_grants", "plain_grants", "read_grants"]

MAX_REVISION = 10**9


@dataclass(frozen=True, slots=True)
class App:
    """Grants under a name."""

    name: str
    grants: tuple[Grant, ...]


@dataclass(frozen=True, slots=True)
class User:
    """Somebody that a server lets in."""

    name: str
    uuid: uuid.UUID
    """VLESS user id."""
    public_key: str
    """``ssh-ed25519 AAAA..``; empty while the user is invited, and has not come yet."""
    own_grants: tuple[Grant, ...]
    """Those given to this user alone."""
    created_at: float
    """Unix time in seconds."""
    expires: float | None = None
    """Unix time in seconds; None: never."""
    single_session: bool = False
    """One session at a time: a new one ends the old."""
    apps: tuple[App, ...] = ()
    """Those whose grants this user has as well, as they were when this record was written."""
    revision: int = 1
    """Counts the changes that the user's file tells of: from 1."""
    registered: bool = True
    """False: taken off on purpose, and not to be let in again but by name."""

    @property
    def is_awaited(self) -> bool:
        """Whether the user is invited, and has not come yet: there is no key to let in."""
        return not self.public_key

    @property
    def grants(self) -> tuple[Grant, ...]:
        """All that this user may reach; what two apps have in common, once."""
        return tuple(dict.fromkeys([*self.own_grants, *(x for app in self.apps for x in app.grants)]))

    def access_line(self) -> str:
        """The line in ``authorized_keys``, without its end."""
        targets = [grant.target for grant in self.grants]
        return format_line(
            self.name, self.public_key, targets, self.expires, single_session=self.single_session
        )

    def to_text(self) -> str:
        """The file ``user.json``."""
        return format_record(
            {
                "name": self.name,
                "uuid": str(self.uuid),
                "public_key": self.public_key,
                "grants": plain_grants(self.own_grants),
                "apps": [{"name": app.name, "grants": plain_grants(app.grants)} for app in self.apps],
                "created_at": self.created_at,
                "expires": self.expires,
                "single_session": self.single_session,
                "revision": self.revision,
                "registered": self.registered,
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
            if public_key:
                check_public_key(public_key)
        except Misuse as exc:
            reader.fail("public_key" if exc.code == "bad-key" else "name", exc.why)
        user = cls(
            name,
            reader.uuid("uuid"),
            public_key,
            read_grants(reader, "grants", reader.items("grants", MAX_GRANTS_PER_USER)),
            reader.moment("created_at"),
            reader.optional_moment("expires"),
            reader.flag("single_session"),
            _apps(reader) if reader.has("apps") else (),
            reader.number("revision", 1, MAX_REVISION) if reader.has("revision") else 1,
            reader.flag("registered") if reader.has("registered") else True,
        )
        reader.end()
        return user


def check_grants(name: str, grants: Sequence[Grant]) -> None:
    """That a user can have all of these.

    Args:
        name: of the user or app, for messages.

    Raises:
        Misuse: ``bad-argument``, ``too-many``.
    """
    if not grants:
        raise Misuse(
            "bad-argument",
            f"{name} would have no port, and could do nothing",
            hint="grant one: -m PORT, as in -m 5432",
        )
    if len(grants) > MAX_GRANTS_PER_USER:
        raise Misuse("too-many", f"a user has at most {MAX_GRANTS_PER_USER} grants", hint="make two users")
    ports = Counter(grant.local_port for grant in grants)
    for port, count in ports.items():
        if count > 1:
            targets = " and ".join(str(x.target) for x in grants if x.local_port == port)
            raise Misuse(
                "bad-argument",
                f"{name} would have local port {port} twice, for {targets}",
                hint=f"renumber one: -m {_another(port, ports)}:...",
            )


def _another(port: int, taken: Counter[int]) -> int:
    """A port that is easily told from ``port``, and free."""
    return next(
        (x for step in (10000, 20000, 1, 2, 3) if (x := port + step) <= 65535 and x not in taken), 20000
    )


def plain_grants(grants: Sequence[Grant]) -> list[dict[str, object]]:
    """Grants as records have them."""
    return [{"local_port": x.local_port, "host": x.target.host, "port": x.target.port} for x in grants]


def _apps(reader: RecordReader) -> tuple[App, ...]:
    apps = []
    for index, item in enumerate(reader.items("apps", MAX_APPS)):
        field = f"apps[{index}]"
        match item:
            case {"name": str(name), "grants": list(grants), **rest} if not rest:
                pass
            case _:
                reader.fail(field, "is not name and grants")
        try:
            check_app_name(name)
        except Misuse as exc:
            reader.fail(field, exc.why)
        apps.append(App(name, read_grants(reader, f"{field}.grants", grants)))
    return tuple(apps)


def read_grants(reader: RecordReader, field: str, items: Sequence[Any]) -> tuple[Grant, ...]:
    """The grants in the items of a record's field; a wrong one is told by the reader."""
    return tuple(_grant(reader, f"{field}[{index}]", item) for index, item in enumerate(items))


def _grant(reader: RecordReader, field: str, item: Any) -> Grant:
    match item:
        case {"local_port": int(local), "host": str(host), "port": int(port), **rest} if not rest:
            pass
        case _:
            reader.fail(field, "is not local_port, host and port")
    try:
        return Grant.parse(f"{local}:{HostPort(host, port)}")
    except Misuse as exc:
        reader.fail(field, exc.why)
