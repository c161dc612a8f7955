"""A server's users: made, invited, changed, taken off, let in again, forgotten; and their files.

Each act refuses an identity that is no server's. Records and ``authorized_keys`` are ``tenancy``'s
business; here an act is joined to the file or the invitation without which it is of no use.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from ..audit import note
from ..base.errors import Misuse
from ..base.values import Grant, Secret
from ..bundle import check_slot, encrypt, pack_client
from ..daemon.roles import need_role
from ..profile import Config, Profile, load_config, locked
from ..tenancy import Change, Token, User, UserBook, check_user_name, invite_user
from .access_words import parse_expiry
from .user_steps import Step, in_turn

__all__ = [
    "ExportedFile",
    "NewUser",
    "apply_users",
    "check_exportable",
    "create_user",
    "delete_user",
    "edit_user",
    "export_user",
    "invite_again",
    "invite_new_user",
    "need_server",
    "new_user",
    "unregister_user",
    "user_file_name",
]

Keep = Callable[[bytes], object]
"""Where the bytes of a file go; may raise, and then the act has not happened."""


@dataclass(frozen=True, slots=True)
class NewUser:
    """What is asked for."""

    name: str
    grants: tuple[Grant, ...] = ()
    apps: tuple[str, ...] = ()
    """Names."""
    expires: float | None = None
    """Unix time; None: never."""
    single_session: bool = False


@dataclass(frozen=True, slots=True)
class ExportedFile:
    """A user's file, as it is handed over."""

    user: User
    data: bytes
    """Encrypted, if a passphrase was given."""
    renewed_until: datetime | None = None
    """The certificate in it is a new one, good until then; None: it is the one of before."""


def need_server(profile: Profile) -> Config:
    """The configuration of a server.

    Raises:
        Misuse: ``wrong-role``, ``not-set-up``, ``bad-config``.
    """
    config = load_config(profile.config)
    need_role(config, "server", profile)
    return config


def user_file_name(name: str) -> str:
    """How a user's file is called unless somebody chose a name."""
    return f"{name}-tw-config.zip"


def new_user(
    profile: Profile,
    name: str,
    grants: Iterable[Grant] = (),
    *,
    apps: Iterable[str] = (),
    like: str | None = None,
    expires: str | None = None,
    single_session: bool | None = None,
) -> NewUser:
    """What is asked for, checked as far as it can be before anything is made.

    Args:
        name: nobody may have it yet.
        like: may do what this user may; the others add to it, or say otherwise.
        expires: as ``parse_expiry`` takes it; None: as ``like`` has it, else never.
        single_session: None: as ``like`` has it, else no.

    Raises:
        Misuse: ``bad-argument``, ``exists``, ``no-such-name`` for ``like`` or an app, ``bad-apps``.
    """
    book = UserBook(profile)
    if name:
        book.check_new(check_user_name(name))
    wanted = NewUser(
        name,
        tuple(grants),
        tuple(apps),
        None if expires is None else parse_expiry(expires),
        bool(single_session),
    )
    if like is not None:
        model = book.get(like)
        wanted = NewUser(
            name,
            tuple(dict.fromkeys([*model.own_grants, *wanted.grants])),
            (*(app.name for app in model.apps), *wanted.apps),
            model.expires if expires is None else wanted.expires,
            model.single_session if single_session is None else wanted.single_session,
        )
    book.apps_named(wanted.apps)
    return wanted


def create_user(
    profile: Profile, wanted: NewUser, *, passphrase: Secret | None = None, keep: Keep | None = None
) -> ExportedFile:
    """Let the user in, and make their file; without the file there is no such user.

    Args:
        passphrase: the file is encrypted with it.
        keep: is given the file while the user can still be taken back: if it raises, they are.

    Raises:
        Misuse: ``bad-argument``, ``exists``, ``no-such-name`` for an app, ``wrong-role``,
            ``not-set-up`` before the server has a relay, ``too-many``, ``state-not-written``.
    """
    check_slot(need_server(profile), profile)
    book = UserBook(profile)
    with locked(profile):
        user = _create(book, wanted)
        try:
            data = _file(profile, user, passphrase)
            if keep is not None:
                keep(data)
        except BaseException:  # without the file the user is of no use, and the name would be taken
            book.delete(user.name)
            raise
    return ExportedFile(user, data)


def invite_new_user(
    profile: Profile,
    wanted: NewUser,
    *,
    expires: float,
    hand_over: Callable[[User, Token], object] | None = None,
) -> tuple[User, Token]:
    """Invite somebody who is no user yet: they are let in when they come with keys of their own.

    Args:
        expires: of the invitation, Unix time.
        hand_over: is given the invitation while the user can still be taken back.

    Raises:
        Misuse: as ``create_user``; ``bad-argument`` for the end of the invitation.
    """
    check_slot(need_server(profile), profile)
    book = UserBook(profile)
    with locked(profile):
        user = _create(book, wanted, invited=True)
        try:
            token = invite_user(profile, user.name, expires=expires)
            if hand_over is not None:
                hand_over(user, token)
        except BaseException:  # as without the file
            book.delete(user.name)
            raise
    return user, token


def invite_again(profile: Profile, name: str, *, expires: float) -> Token:
    """Invite a user once more: to the same machine with its keys, or to another one.

    Args:
        expires: of the invitation, Unix time; one of before is withdrawn.

    Raises:
        Misuse: ``no-such-name``, ``wrong-role``, ``not-set-up``, ``bad-argument``, ``too-many``.
    """
    need_server(profile)
    return invite_user(profile, UserBook(profile).get(name).name, expires=expires)


def edit_user(profile: Profile, name: str, steps: Sequence[Step], *, dry_run: bool = False) -> Change:
    """Change what a user may do; a running server heeds it at once.

    Args:
        steps: see ``user_steps``; taken in turn.
        dry_run: only check, and tell what would change: ``access_words.difference`` of its two sides.

    Raises:
        Misuse: ``no-such-name``, ``bad-argument``, ``bad-record``, ``wrong-role``, ``too-many``,
            ``state-not-written``; then nothing was changed.
    """
    need_server(profile)
    return UserBook(profile).edit(name, lambda user: in_turn(steps, user), dry_run=dry_run)


def unregister_user(profile: Profile, name: str) -> Change:
    """Let them in no more, and keep the files; running sessions end within a second.

    Raises:
        Misuse: as ``edit_user``.
    """
    need_server(profile)
    return UserBook(profile).unregister(name)


def apply_users(profile: Profile, names: Sequence[str] = ()) -> tuple[list[Change], list[Misuse]]:
    """Make ``authorized_keys`` agree with the records of users, and those with the apps.

    Args:
        names: those are let in even when they were unregistered; empty: all who are not.

    Returns:
        All who were looked at, changed or not; and records that could not be.

    Raises:
        Misuse: as ``edit_user``.
    """
    need_server(profile)
    book = UserBook(profile)
    changes = book.apply(names)
    return changes, [] if names else book.survey()[1]


def delete_user(profile: Profile, name: str) -> None:
    """Stop letting them in, and forget them; a running server ends their session within a second.

    Raises:
        Misuse: ``no-such-name``, ``bad-argument``, ``wrong-role``, ``state-not-written``.
    """
    need_server(profile)
    UserBook(profile).delete(name)


def export_user(
    profile: Profile, name: str, *, passphrase: Secret | None = None, keep: Keep | None = None
) -> ExportedFile:
    """The user's file as things stand now; a certificate near its end is renewed.

    Args:
        passphrase: the file is encrypted with it.
        keep: is given the file before the audit record tells of it.

    Raises:
        Misuse: ``no-such-name``, ``wrong-role``; ``not-set-up`` when the keys are on the user's own
            machine, or the server has no relay yet; ``state-not-written``.
    """
    user = check_exportable(profile, name)
    renewed = UserBook(profile).renew_certificate(user.name)
    data = _file(profile, user, passphrase)
    if keep is not None:
        keep(data)
    note(profile, "user-exported", user=user.name, encrypted=passphrase is not None)
    return ExportedFile(user, data, renewed)


def check_exportable(profile: Profile, name: str) -> User:
    """The user, if there can be a file of theirs.

    Raises:
        Misuse: as ``export_user``.
    """
    need_server(profile)
    book = UserBook(profile)
    user = book.get(name)
    if not book.has_keys(user.name):
        raise Misuse(
            "not-set-up",
            f"the keys of {user.name} are on their own machine, so there is no file of them here",
            hint=f"tw export user {user.name} --invite: a token for the ports and the certificate as they are now",
        )
    return user


def _create(book: UserBook, wanted: NewUser, *, invited: bool = False) -> User:
    return book.create(
        wanted.name,
        wanted.grants,
        apps=wanted.apps,
        expires=wanted.expires,
        single_session=wanted.single_session,
        invited=invited,
    )


def _file(profile: Profile, user: User, passphrase: Secret | None) -> bytes:
    data = pack_client(profile, user)
    return encrypt(data, passphrase.reveal()) if passphrase is not None else data
