"""The tenants of a relay: ``servers/<id>.json``, one file each, which is all there is to one."""

from __future__ import annotations

import contextlib
import difflib
import logging
import os
import time
import uuid
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from ..audit import note
from ..base.errors import Misuse
from ..base.limits import MAX_RECORD_BYTES
from ..pki import check_ca, check_public_key
from ..profile import Profile, ensure_directory, locked, remove_file, write_file
from .join import JoinRequest
from .names import check_server_id
from .records import RecordReader, format_record

__all__ = ["TenantBook", "TenantRecord"]

_log = logging.getLogger("tw.tenancy")

_FIRST_PORT = 20000
_LAST_PORT = 29999
"""The ports of a relay's tenants (cli.md); as many tenants as ports."""


_FILES_KNOWN = 1024
"""Files whose content was seen lately: pages and commands read them all again, and few of them change."""


@dataclass(frozen=True, slots=True)
class TenantRecord:
    """One server's slot."""

    server_id: str
    uuid: uuid.UUID
    ca_pem: str
    ssh_public_key: str
    """``ssh-ed25519 AAAA..``."""
    port: int
    """The reverse port, 20000 and up."""
    enrolled_at: float
    """Unix time in seconds."""

    def to_text(self) -> str:
        """The file."""
        return format_record(
            {
                "server_id": self.server_id,
                "uuid": str(self.uuid),
                "ca": self.ca_pem,
                "ssh_public_key": self.ssh_public_key,
                "port": self.port,
                "enrolled_at": self.enrolled_at,
            }
        )

    @classmethod
    def parse(cls, data: bytes, where: str = "") -> TenantRecord:
        """The record in a file.

        Raises:
            Misuse: ``bad-record``, with the field.
        """
        reader = RecordReader(
            data, limit=MAX_RECORD_BYTES, code="bad-record", where=where, what="record of a server"
        )
        server_id, ca_pem, key = (
            reader.text("server_id"),
            reader.text("ca", 65536),
            reader.text("ssh_public_key"),
        )
        for field, check, text in (
            ("server_id", check_server_id, server_id), ("ca", check_ca, ca_pem), ("ssh_public_key", check_public_key, key)
        ):  # fmt: skip
            try:
                check(text)
            except Misuse as exc:
                reader.fail(field, exc.why)
        record = cls(
            server_id,
            reader.uuid("uuid"),
            ca_pem,
            key,
            reader.number("port", _FIRST_PORT, _LAST_PORT),
            reader.moment("enrolled_at"),
        )
        reader.end()
        return record


class TenantBook:
    """All tenants of one relay.

    Args:
        profile: the relay's directory.
        wall_clock: seconds since 1970.
    """

    def __init__(self, profile: Profile, wall_clock: Callable[[], float] = time.time) -> None:
        self._profile = profile
        self._wall_clock = wall_clock

    def enroll(self, request: JoinRequest) -> TenantRecord:
        """The slot for this request; the same request gets the same slot again.

        Raises:
            Misuse: ``exists`` when the id, UUID, key or CA is another tenant's, ``too-many``,
                ``bad-record`` when a tenant's file is damaged, ``state-not-written``.
        """
        with locked(self._profile):
            record, is_new = self._slot(request)
            if is_new:
                ensure_directory(self._profile.servers)
                write_file(self._path(record.server_id), record.to_text())
                note(self._profile, "tenant-enrolled", server=record.server_id, port=record.port)
            return record

    def check(self, request: JoinRequest) -> None:
        """That ``enroll`` would give it a slot.

        Raises:
            Misuse: as ``enroll``.
        """
        self._slot(request)

    def has(self, server_id: str) -> bool:
        """Whether there is a record of that server, be it damaged or not."""
        return self._path(server_id) in self._paths()

    def _slot(self, request: JoinRequest) -> tuple[TenantRecord, bool]:
        """The slot for this request, and whether it is a new one."""
        records = self._read_all()
        for record in records:
            if _same(record, request):
                return record, False
            self._refuse_clash(record, request)
        new = TenantRecord(
            request.server_id,
            request.uuid,
            request.ca_pem,
            request.ssh_public_key,
            _free_port({record.port for record in records}),
            self._wall_clock(),
        )
        return new, True

    def remove(self, server_id: str) -> None:
        """Take the slot away; a running relay notices and cuts its connections.

        Raises:
            Misuse: ``no-such-name``, ``bad-argument``, ``state-not-written``.
        """
        path = self._path(check_server_id(server_id))
        with locked(self._profile):
            if not path.exists():
                names = [path.stem for path in self._paths()]
                close = difflib.get_close_matches(server_id, names, n=1)
                raise Misuse(
                    "no-such-name",
                    f"no server {server_id!r} is enrolled",
                    hint=f"did you mean {close[0]}?" if close else "tw list servers shows them",
                )
            remove_file(path)
            note(self._profile, "tenant-removed", server=server_id)

    def all(self) -> list[TenantRecord]:
        """All tenants, by id; a damaged file is logged and left out, for the others live on."""
        records = []
        for path in self._paths():
            try:
                records.append(self._read(path))
            except Misuse as exc:
                _log.error("this server is not let in: %s", exc)
        return records

    def all_or_none(self) -> list[TenantRecord]:
        """All tenants, by id, where leaving a damaged one out would cut it off.

        Raises:
            Misuse: ``bad-record``, ``file-unreadable``.
        """
        return self._read_all()

    def stamp(self) -> Hashable:
        """Changes whenever a tenant comes, goes or changes; costs a look at the directory.

        A relay looks twice a second: without a ``Path`` for each, that takes a fifth of the time.
        """
        stamps = []
        with contextlib.suppress(FileNotFoundError), os.scandir(self._profile.servers) as entries:
            for entry in entries:
                if not _is_record(entry.name):
                    continue
                try:
                    status = entry.stat()
                except OSError:
                    continue
                stamps.append((entry.name, status.st_ino, status.st_mtime_ns, status.st_size))
        return tuple(sorted(stamps))

    def _path(self, server_id: str) -> Path:
        return self._profile.servers / f"{server_id}.json"

    def _paths(self) -> list[Path]:
        return sorted(path for path in self._profile.servers.glob("*.json") if _is_record(path.name))

    def _read_all(self) -> list[TenantRecord]:
        return [self._read(path) for path in self._paths()]

    def _read(self, path: Path) -> TenantRecord:
        record = _parsed(self._profile.read(path), str(path))
        if record.server_id != path.stem:
            raise Misuse("bad-record", f"server_id: is not {path.stem!r}", where=str(path))
        return record

    @staticmethod
    def _refuse_clash(record: TenantRecord, request: JoinRequest) -> None:
        if record.server_id == request.server_id:
            raise Misuse(
                "exists",
                f"a server {record.server_id!r} with another key is enrolled",
                hint=f"choose another id, or tw unenroll {record.server_id} first",
            )
        for what, ours, theirs in (
            ("UUID", record.uuid, request.uuid),
            ("CA", check_ca(record.ca_pem), check_ca(request.ca_pem)),
            ("SSH key", record.ssh_public_key, request.ssh_public_key),
        ):
            if ours == theirs:
                raise Misuse(
                    "exists",
                    f"the server {record.server_id!r} has the same {what}",
                    hint="make the new server in a directory of its own",
                )


@lru_cache(maxsize=_FILES_KNOWN)
def _parsed(data: bytes, where: str) -> TenantRecord:
    return TenantRecord.parse(data, where)


def _is_record(name: str) -> bool:
    """Hidden files are those of a write that was killed."""
    return name.endswith(".json") and not name.startswith(".")


def _same(record: TenantRecord, request: JoinRequest) -> bool:
    return (
        record.server_id == request.server_id
        and record.uuid == request.uuid
        and record.ssh_public_key == request.ssh_public_key
        and check_ca(record.ca_pem) == check_ca(request.ca_pem)
    )


def _free_port(taken: set[int]) -> int:
    for port in range(_FIRST_PORT, _LAST_PORT + 1):
        if port not in taken:
            return port
    raise Misuse("too-many", f"all {len(taken)} slots of this relay are taken", hint="tw unenroll one")
