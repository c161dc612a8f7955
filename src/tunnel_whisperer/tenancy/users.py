"""The users of a server: ``users/<name>/`` with their files, and a line each in ``authorized_keys``.

The line lets a user in, and nothing else does. It is written last when it grants something, and
first when it takes something away, so that a crash never leaves anybody in whom the files do not
know, nor a line that nobody can take back. What a crash left behind, the same call completes, and
``apply`` does.
"""

from __future__ import annotations

import contextlib
import difflib
import shutil
import time
import uuid
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path

from ..audit import note
from ..base.errors import Misuse, TwError
from ..base.values import Grant
from ..pki import certificate_ends, issue_client, new_ssh_key
from ..profile import Profile, ensure_directory, locked, write_file, write_files
from .access_lines import LineIndex, add_line, has_line, lines_of, remove_lines
from .apps import read_apps
from .identity import load_authority, need_mode
from .invites import InviteBook
from .names import check_user_name
from .notes import note_change, note_new_user
from .standing import Change, Standing
from .user import App, User, check_grants

__all__ = ["RENEW_BEFORE", "UserBook"]

_FIRST_STEP = "tw join RELAY"
_FILES_KNOWN = 2048
"""Records and certificates that need not be taken apart again: about 3 KB each."""
_LAST_MOMENT = 253402300800.0
"""10000-01-01: years have four digits in the access record."""

RENEW_BEFORE = timedelta(days=30)
"""A user's certificate with less time left is due for renewal."""


class UserBook:
    """All users of one server.

    Args:
        profile: the server's directory.
        wall_clock: seconds since 1970.
    """

    def __init__(self, profile: Profile, wall_clock: Callable[[], float] = time.time) -> None:
        self._profile = profile
        self._users = profile.users
        self._wall_clock = wall_clock

    def create(
        self,
        name: str,
        grants: Iterable[Grant] = (),
        *,
        apps: Iterable[str] = (),
        expires: float | None = None,
        single_session: bool = False,
        invited: bool = False,
    ) -> User:
        """Make a user with key and certificate, and let them in from now on.

        After a crash, the same call completes what was begun.

        Args:
            grants: each local port once; at least one together with those of the apps.
            apps: names.
            expires: Unix time in seconds; None: never.
            invited: they bring keys of their own (tenancy.claims), and are let in from then on.

        Raises:
            Misuse: ``bad-argument``, ``exists``, ``no-such-name`` for an app, ``wrong-role``,
                ``not-set-up``, ``too-many``, ``state-not-written``.
        """
        check_user_name(name)
        own = tuple(grants)
        expires = self._check_expiry(expires)
        with self._changing():
            chosen = self.apps_named(apps)
            wanted = User(
                name, uuid.uuid4(), "", own, self._wall_clock(), expires, single_session, apps=chosen
            )
            check_grants(name, wanted.grants)
            self.check_new(name)
            record = self._access_record()
            begun = self._file(name).exists()
            if invited:
                return self._await(wanted)
            user = self._begun(wanted) if begun else self._make(wanted)
            try:
                write_file(self._profile.authorized_keys, add_line(record, user.access_line()))
            except TwError:
                if not begun:
                    _discard(self._file(name).parent)
                raise
            note_new_user(self._profile, user)
            return user

    def check_new(self, name: str) -> None:
        """That nobody of this name is let in.

        Raises:
            Misuse: ``exists``, ``file-unreadable``.
        """
        if has_line(self._access_record(), name, self._key_of(name)) or self._is_awaited(name):
            raise self._exists(name)

    def edit(self, name: str, change: Callable[[User], User], *, dry_run: bool = False) -> Change:
        """Change what a user may do; a running server heeds it at once.

        Somebody who is not let in is changed, too, and stays out.

        Args:
            change: makes the new state of the one that is there; may raise.
            dry_run: only check, and tell what would change.

        Raises:
            Misuse: ``no-such-name``, ``bad-argument``, ``bad-record``, ``wrong-role``, ``too-many``,
                ``state-not-written``; then nothing was changed.
        """
        check_user_name(name)
        with self._changing():
            before = self.get(name)
            after = self._checked(before, change(before))
            return self._store([(before, after)], dry_run=dry_run)[0]

    def follow(
        self, name: str, app: App | None, files: Mapping[Path, str], *, dry_run: bool = False
    ) -> list[Change]:
        """Give all users of an app what it is now; all of them or none.

        Args:
            name: of the app.
            app: as it is from now on; None: it is no more.
            files: written together with the users.
            dry_run: only check, and tell what would change.

        Raises:
            Misuse: as ``edit``; the user is named.
        """
        with self._changing():
            pairs = []
            for before in self.all():
                if any(known.name == name for known in before.apps):
                    apps = [app if known.name == name else known for known in before.apps]
                    after = replace(before, apps=tuple(x for x in apps if x is not None))
                    pairs.append((before, self._checked(before, after)))
            return self._store(pairs, files, dry_run=dry_run)

    def apply(self, names: Sequence[str] = ()) -> list[Change]:
        """Make the access record agree with the records of users, and those with the apps.

        Args:
            names: those are let in even when they were unregistered; empty: all users, and who was
                unregistered stays out.

        Returns:
            All who were looked at, changed or not.

        Raises:
            Misuse: as ``edit``.
        """
        with self._changing():
            apps = self.known_apps()
            users = [self.get(name) for name in dict.fromkeys(names)] if names else self.survey()[0]
            pairs = []
            for before in users:
                current = tuple(apps[app.name] for app in before.apps if app.name in apps)
                after = replace(before, apps=current, registered=before.registered or bool(names))
                pairs.append((before, self._checked(before, after)))
            return self._store(pairs, enter=True)

    def unregister(self, name: str) -> Change:
        """Let them in no more, and keep their files.

        Raises:
            Misuse: as ``edit``.
        """
        return self.edit(name, lambda user: replace(user, registered=False))

    def delete(self, name: str) -> None:
        """Let them in no more, and forget them; a running server ends their sessions.

        Raises:
            Misuse: ``no-such-name``, ``bad-argument``, ``wrong-role``, ``state-not-written``.
        """
        check_user_name(name)
        with self._changing():
            if not self.leftovers(name):
                raise self._unknown(name)
            record = self._access_record()
            directory = self._file(name).parent
            changed = remove_lines(record, name, self._key_of(name))
            if changed != record:
                write_file(self._profile.authorized_keys, changed)
            InviteBook(self._profile, self._wall_clock).withdraw(name)
            note(self._profile, "user-deleted", user=name)
            self._forget(directory)

    def renew_certificate(self, name: str) -> datetime | None:
        """A new certificate for the same key, if the one that is there ends soon.

        Returns:
            When the new one ends; None: the old one is good.

        Raises:
            Misuse: ``no-such-name``, ``not-set-up`` when a file is missing, ``bad-certificate``.
        """
        with self._changing():
            user = self.get(name)
            if self.certificate_end(user) - self._now() > RENEW_BEFORE:
                return None
            own = Profile(self._file(name).parent)
            ca = load_authority(self._profile.ca_cert, self._profile.ca_key)
            key = self._profile.read(own.client_key).decode("ascii", "replace")
            cert, _ = issue_client(ca, user.uuid, name, now=self._now, key_pem=key)
            write_file(own.client_cert, cert)
            return certificate_ends(cert)

    def has_keys(self, name: str) -> bool:
        """Whether their private keys were made here: not those of somebody who came by invitation."""
        own = Profile(self._file(name).parent)
        return own.private_key.exists() or own.client_key.exists()

    def certificate_end(self, user: User) -> datetime:
        """When the user's certificate ends.

        Raises:
            Misuse: ``not-set-up`` when it is missing, ``bad-certificate``.
        """
        path = Profile(self._users.joinpath(user.name)).client_cert
        return _certificate_end(self._profile.read(path))

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

    def survey(self) -> tuple[list[User], list[Misuse]]:
        """All users whose records can be read, and what is wrong with the others."""
        users, faults = [], []
        for name in self._names():
            try:
                users.append(self._read(name))
            except Misuse as exc:
                faults.append(exc)
        return users, faults

    def leftovers(self, name: str) -> bool:
        """Whether something of this name is here: files or a line, with a record that can be read or without."""
        return self._file(name).parent.exists() or has_line(self._access_record(), name, "")

    def known_apps(self) -> dict[str, App]:
        """All apps as they are now, by name.

        Raises:
            Misuse: ``bad-apps``.
        """
        return read_apps(self._profile)

    def apps_named(self, names: Iterable[str]) -> tuple[App, ...]:
        """These apps as they are now.

        Raises:
            Misuse: ``no-such-name``, ``bad-apps``.
        """
        known = self.known_apps()
        for name in names:
            if name not in known:
                close = difflib.get_close_matches(name, known, n=1)
                hint = f"did you mean {close[0]}?" if close else "tw list apps shows them"
                raise Misuse("no-such-name", f"there is no app {name[:70]!r}", hint=hint)
        return tuple(known[name] for name in dict.fromkeys(names))

    def standing(self, user: User) -> Standing:
        """How they stand at the door.

        Raises:
            Misuse: ``file-unreadable``.
        """
        return self._standing(user, self._access_record())

    def standings(self, users: Iterable[User]) -> list[Standing]:
        """The same of many, in their order: the access record is read once.

        Raises:
            Misuse: ``file-unreadable``.
        """
        index = LineIndex(self._access_record())
        return [self._standing_by(user, index.lines_of(user.name, user.public_key)) for user in users]

    def is_active(self, user: User) -> bool:
        """Whether they are let in: their time has not ended, and the access record has a line of theirs.

        Raises:
            Misuse: ``file-unreadable``.
        """
        return self.standing(user) in (Standing.LET_IN, Standing.DIFFERS)

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

    @contextlib.contextmanager
    def _changing(self) -> Iterator[None]:
        with locked(self._profile):
            need_mode(self._profile, "server", _FIRST_STEP)
            yield

    def _checked(self, before: User, after: User) -> User:
        """The new state, if it can be; its revision counts what the user's own file tells of."""
        if after.expires != before.expires:
            after = replace(after, expires=self._check_expiry(after.expires))
        if after.grants != before.grants:
            check_grants(before.name, after.grants)
        news = set(after.grants) != set(before.grants)
        return replace(after, revision=before.revision + news)

    def _store(
        self,
        pairs: Sequence[tuple[User, User]],
        files: Mapping[Path, str] | None = None,
        *,
        enter: bool = False,
        dry_run: bool = False,
    ) -> list[Change]:
        """Write what changed: records and lines.

        Args:
            enter: give a line to who is registered and has none, too.
        """
        record = changed = self._access_record()
        texts: dict[Path, bytes | str] = dict(files or {})
        grows = False
        for before, after in pairs:
            lines = lines_of(record, after.name, after.public_key)
            enters = after.registered and not after.is_awaited and (lines or enter)
            wanted = [after.access_line().encode()] if enters else []
            if lines != wanted:
                changed = remove_lines(changed, after.name, after.public_key)
                for line in wanted:
                    changed = add_line(changed, line.decode())
            if before != after:
                texts[self._file(after.name)] = after.to_text()
            grows |= bool(set(after.grants) - set(before.grants)) or len(wanted) > len(lines)
        if changed != record:
            door: dict[Path, bytes | str] = {self._profile.authorized_keys: changed}
            texts = {**texts, **door} if grows else {**door, **texts}
        changes = [
            Change(before, after, self._standing(before, record), self._standing(after, changed))
            for before, after in pairs
        ]
        if texts and not dry_run:
            write_files(texts)
            for change in changes:
                note_change(self._profile, change)
        return changes

    def _standing(self, user: User, record: bytes) -> Standing:
        return self._standing_by(user, lines_of(record, user.name, user.public_key))

    def _standing_by(self, user: User, lines: Sequence[bytes]) -> Standing:
        if not lines and user.is_awaited and user.registered:
            return Standing.INVITED
        if not lines:
            return Standing.OUT if user.registered else Standing.UNREGISTERED
        if list(lines) != [user.access_line().encode()] or not user.registered:
            return Standing.DIFFERS
        if user.expires is not None and int(user.expires) <= self._wall_clock():
            return Standing.EXPIRED
        return Standing.LET_IN

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._wall_clock(), UTC)

    def _names(self) -> list[str]:
        return sorted(path.parent.name for path in self._users.glob("*/user.json"))

    def _file(self, name: str) -> Path:
        return self._users.joinpath(name, "user.json")

    def _read(self, name: str) -> User:
        path = self._file(name)
        user = _parsed(self._profile.read(path), str(path))
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

    def _begun(self, wanted: User) -> User:
        """The user whose making was cut short before they were let in, if it was this making."""
        user = self._read(wanted.name)
        if replace(wanted, uuid=user.uuid, public_key=user.public_key, created_at=user.created_at) != user:
            raise self._exists(wanted.name)
        return user

    def _is_awaited(self, name: str) -> bool:
        try:
            return self._file(name).exists() and self._read(name).is_awaited
        except Misuse:
            return False

    def _await(self, wanted: User) -> User:
        """The user's record alone: keys and line come with the user."""
        path = self._file(wanted.name)
        if path.exists():
            raise self._exists(wanted.name)
        ensure_directory(self._profile.users)
        ensure_directory(path.parent)
        write_file(path, wanted.to_text())
        note_new_user(self._profile, wanted)
        return wanted

    def _make(self, wanted: User) -> User:
        """The user's files; none of them when that fails."""
        ca = load_authority(self._profile.ca_cert, self._profile.ca_key)
        private, public = new_ssh_key()
        user = replace(wanted, public_key=public)
        cert, key = issue_client(ca, user.uuid, user.name)
        path = self._file(user.name)
        own = Profile(path.parent)
        _discard(path.parent)  # a making or a deletion that was killed may have left something
        try:
            ensure_directory(self._profile.users)
            ensure_directory(path.parent)
            write_files(
                {
                    own.private_key: private,
                    own.public_key: f"{public} {user.name}@tw\n",
                    own.client_key: key,
                    own.client_cert: cert,
                    path: user.to_text(),
                }
            )
        except BaseException:
            _discard(path.parent)
            raise
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

    def _exists(self, name: str) -> Misuse:
        return Misuse(
            "exists",
            f"there is a user {name!r} already",
            hint=f"tw edit user {name}, tw export user {name} for the file, or another name",
        )

    def _check_expiry(self, expires: float | None) -> float | None:
        if expires is None:
            return None
        if not self._wall_clock() < expires < _LAST_MOMENT:
            raise Misuse("bad-argument", "the end is not in the future", hint="--expires 2030-12-24T18:00")
        return float(int(expires))


# A list of all users is asked for again and again, and its files seldom change: they are read, but not
# taken apart again.


@lru_cache(maxsize=_FILES_KNOWN)
def _parsed(data: bytes, where: str) -> User:
    return User.parse(data, where)


@lru_cache(maxsize=_FILES_KNOWN)
def _certificate_end(data: bytes) -> datetime:
    return certificate_ends(data.decode("ascii", "replace"))


def _discard(directory: Path) -> None:
    """Remove what a failed making left: user.json first, without which there is no such user."""
    with contextlib.suppress(OSError):
        (directory / "user.json").unlink(missing_ok=True)
    shutil.rmtree(directory, ignore_errors=True)
