"""A server's users through the API: as ``tw list, create, edit, unregister, apply, delete, export user``."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response

from ...base.errors import TwError
from ...base.values import Grant, HostPort, Secret
from ...daemon.changes import Topic
from ...daemon.snapshot import error_value
from ...operations.access_words import difference, moment_value
from ...operations.user_list import UserRow, short_standing, user_detail, user_rows
from ...operations.user_steps import Step, steps_of
from ...operations.users import (
    apply_users,
    create_user,
    delete_user,
    edit_user,
    export_user,
    invite_again,
    invite_new_user,
    new_user,
    unregister_user,
    user_file_name,
)
from ...tenancy import Change, Token, UserBook
from ..house import House, InHouse, Live
from ..models.jobs import ErrorValue
from ..models.users import (
    AppliedUsers,
    ChangeDocument,
    ChangedUser,
    CreatedUser,
    GrantWish,
    UserDetail,
    UserDocument,
    UserEdit,
    UserFileWish,
    UserInvitation,
    UserInvitationWish,
    UserList,
    UserWish,
)

__all__ = ["FoundUsers", "changed_user", "find_users", "grants_of", "router", "user_document"]

router = APIRouter(tags=["users"])

UserName = Annotated[str, Path(max_length=63, description="Of the user.", examples=["alice"])]
DryRun = Annotated[bool, Query(description="Only check, and tell what would change.")]


@router.get("/users")
def list_users(
    house: InHouse,
    live: Live,
    q: Annotated[str, Query(max_length=100, description="In the name, an app, a host or a port.")] = "",
    online: Annotated[bool, Query(description="Only those who are connected now.")] = False,
) -> UserList:
    """All users, or those that match: how each stands, who is connected, what each may reach."""
    found = find_users(house, live, q, online=online)
    return UserList.model_validate(
        {
            "users": [user_document(row) for row in found.rows],
            "total": found.total,
            "strangers": found.strangers,
            "faults": found.faults,
        }
    )


@dataclass(frozen=True, slots=True)
class FoundUsers:
    """Users who match, not yet as documents: of hundreds a page shows some."""

    rows: list[UserRow]
    total: int
    strangers: list[Mapping[str, Any]]
    faults: list[ErrorValue]


def find_users(
    house: House, live: Mapping[str, Any] | None, q: str = "", *, online: bool = False
) -> FoundUsers:
    """What ``list_users`` lists."""
    found = user_rows(house.profile, live, house.filed_users())
    wanted = q.strip().lower()
    rows = [row for row in found.rows if row.online or not online]
    return FoundUsers(
        [row for row in rows if not wanted or wanted in _searched(row)],
        len(found.rows),
        [session for session in found.strangers if wanted in str(session["user"]).lower()],
        [_fault(fault) for fault in found.faults],
    )


@router.post("/users", status_code=201)
def make_user(wish: UserWish, house: InHouse, live: Live) -> CreatedUser:
    """Let somebody in: with a file, which is fetched from ``/users/{name}/file``, or by an invitation."""
    wanted = new_user(
        house.profile,
        wish.name,
        grants_of(wish.grants),
        apps=wish.apps,
        like=wish.like,
        expires=wish.expires,
        single_session=wish.single_session,
    )
    invitation = None
    if wish.invite:
        _, token = invite_new_user(house.profile, wanted, expires=_end(wish.hours))
        invitation = _invitation(token)
    else:
        create_user(house.profile, wanted)
    _changed(house)
    return CreatedUser(user=get_user(wish.name, house, live), invitation=invitation)


@router.post("/users/apply")
def apply_all_users(house: InHouse) -> AppliedUsers:
    """Make ``authorized_keys`` agree with the records of all users, and those with the apps, after one of
    these files was edited by hand. Who was unregistered stays out."""
    changes, faults = apply_users(house.profile)
    _changed(house)
    users = [changed_user(change) for change in changes]
    return AppliedUsers(users=users, faults=[_fault(fault) for fault in faults])


@router.get("/users/{name}")
def get_user(name: UserName, house: InHouse, live: Live) -> UserDetail:
    """One user, with all that is known."""
    return UserDetail.model_validate(user_detail(house.profile, name, live))


@router.patch("/users/{name}")
def change_user(name: UserName, wish: UserEdit, house: InHouse, dry_run: DryRun = False) -> ChangeDocument:
    """Change what a user may do. Running sessions follow at once: a connection to a port that is taken
    back ends."""
    book = UserBook(house.profile)
    change = edit_user(house.profile, name, _steps(wish, book), dry_run=dry_run)
    if not dry_run:
        _changed(house)
    return _change(change, dry_run=dry_run)


@router.delete("/users/{name}", status_code=204)
def remove_user(name: UserName, house: InHouse) -> None:
    """Let the user in no more, and forget keys and certificate for good; sessions end within a second."""
    delete_user(house.profile, name)
    _changed(house)


@router.post("/users/{name}/unregister")
def take_off_user(name: UserName, house: InHouse) -> ChangeDocument:
    """Let the user in no more, and keep the files; sessions end within a second."""
    change = unregister_user(house.profile, name)
    _changed(house)
    return _change(change)


@router.post("/users/{name}/apply")
def let_in_user(name: UserName, house: InHouse) -> ChangeDocument:
    """Let a user in again who was unregistered, or whose line in ``authorized_keys`` says otherwise than
    the record."""
    (change,), _ = apply_users(house.profile, [name])
    _changed(house)
    return _change(change)


@router.post(
    "/users/{name}/file",
    response_class=Response,
    responses={200: {"content": {"application/zip": {}, "application/octet-stream": {}}}},
)
def pack_user(name: UserName, wish: UserFileWish, house: InHouse) -> Response:
    """The user's file as things stand now: a zip, or an encrypted file with a passphrase. A certificate
    near its end is renewed."""
    passphrase = None if wish.passphrase is None else Secret(wish.passphrase.get_secret_value())
    made = export_user(house.profile, name, passphrase=passphrase)
    _changed(house)
    return Response(
        made.data,
        media_type="application/zip" if passphrase is None else "application/octet-stream",
        headers={"Content-Disposition": f'attachment; filename="{user_file_name(made.user.name)}"'},
    )


@router.post("/users/{name}/invitation", status_code=201)
def invite_user(name: UserName, wish: UserInvitationWish, house: InHouse) -> UserInvitation:
    """Invite a user once more: to the same machine, or to another one, whose keys then replace the old
    ones. An open invitation of before is void."""
    token = invite_again(house.profile, name, expires=_end(wish.hours))
    _changed(house)
    return _invitation(token)


def grants_of(wishes: list[GrantWish]) -> tuple[Grant, ...]:
    """Grants as they were asked for; the same twice is once.

    Raises:
        Misuse: ``bad-argument``.
    """
    return tuple(dict.fromkeys(_grant(wish) for wish in wishes))


def changed_user(change: Change) -> ChangedUser:
    """What became of one user."""
    return ChangedUser.model_validate(_values(change))


def _grant(wish: GrantWish) -> Grant:
    host = f"[{wish.host}]" if ":" in wish.host else wish.host
    return Grant(wish.local_port, HostPort.parse(f"{host}:{wish.port or wish.local_port}"))


def _steps(wish: UserEdit, book: UserBook) -> list[Step]:
    return steps_of(
        book,
        grants=grants_of(wish.grants),
        revoke=wish.revoke,
        apps=wish.apps,
        no_apps=wish.no_apps,
        expires=wish.expires,
        single=wish.single_session,
    )


def _values(change: Change) -> dict[str, object]:
    return {
        "name": change.after.name,
        "difference": difference(change.before, change.after).to_json(),
        "stood": short_standing(change.stood),
        "stands": short_standing(change.stands),
        "needs_new_file": change.needs_new_file,
    }


def _change(change: Change, *, dry_run: bool = False) -> ChangeDocument:
    changed = change.before != change.after or change.stood is not change.stands
    return ChangeDocument.model_validate({**_values(change), "changed": changed, "dry_run": dry_run})


def user_document(row: UserRow) -> UserDocument:
    """One row of the list."""
    more = {
        "sessions": list(row.sessions),
        "renewal_due": row.renewal_due,
        "invited_until": moment_value(row.invited_until),
    }
    return UserDocument.model_validate({**row.to_json(), **more})


def _searched(row: UserRow) -> str:
    """All that a search looks at."""
    user = row.user
    words = [user.name, *(app.name for app in user.apps), *(str(grant) for grant in user.grants)]
    return "\n".join(words).lower()


def _fault(fault: TwError) -> ErrorValue:
    return ErrorValue.model_validate(error_value(fault))


def _end(hours: float) -> float:
    return time.time() + hours * 3600


def _invitation(token: Token) -> UserInvitation:
    end = datetime.fromtimestamp(token.expires, UTC).isoformat(timespec="seconds")
    return UserInvitation(token=token.to_text(), name=token.name, expires=end)


def _changed(house: House) -> None:
    house.supervisor.changes.mark_from_thread(Topic.USERS)
