"""What was changed about users and apps, as the audit record has it."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime

from ..audit import note
from ..base.audit_events import AuditValue
from ..base.values import Grant
from ..profile import Profile
from .standing import Change
from .user import App, User

__all__ = ["note_app", "note_change", "note_new_user"]


def note_new_user(profile: Profile, user: User) -> None:
    """A user was made."""
    fields: dict[str, AuditValue] = {"grants": _spelled(user.grants), "expires": _moment(user.expires)}
    if user.apps:
        fields["apps"] = [app.name for app in user.apps]
    if user.single_session:
        fields["single_session"] = True
    if user.public_key:
        fields["key"] = _fingerprint(user.public_key)
    note(profile, "user-created", user=user.name, **fields)


def note_change(profile: Profile, change: Change) -> None:
    """A user was changed, taken off or let in again; nothing where nothing happened."""
    before, after = change.before, change.after
    fields = _differences(before, after)
    if fields:
        note(profile, "user-edited", user=after.name, **fields)
    if change.stood is not change.stands:
        if change.stands.is_out:
            note(profile, "user-unregistered", user=after.name)
        elif change.stood.is_out or not fields:
            note(profile, "user-applied", user=after.name, before=change.stood.value)


def note_app(profile: Profile, event: str, name: str, before: App | None, after: App | None) -> None:
    """An app was made, changed or removed."""
    had, has = (app.grants if app is not None else () for app in (before, after))
    note(profile, event, app=name, **_given_and_taken(had, has))


def _differences(before: User, after: User) -> dict[str, AuditValue]:
    fields = _given_and_taken(before.grants, after.grants)
    if before.expires != after.expires:
        fields["expires"] = _moment(after.expires)
    if before.single_session != after.single_session:
        fields["single_session"] = after.single_session
    names = [[app.name for app in user.apps] for user in (before, after)]
    if names[0] != names[1]:
        fields["apps"] = names[1]
    return fields


def _given_and_taken(before: Iterable[Grant], after: Iterable[Grant]) -> dict[str, AuditValue]:
    had, has = list(before), list(after)
    given = [grant for grant in has if grant not in had]
    taken = [grant for grant in had if grant not in has]
    fields: dict[str, AuditValue] = {}
    if given:
        fields["given"] = _spelled(given)
    if taken:
        fields["taken"] = _spelled(taken)
    return fields


def _fingerprint(public_key: str) -> str:
    """As ssh-keygen prints it, and as a login is recorded."""
    digest = hashlib.sha256(base64.b64decode(public_key.split()[1])).digest()
    return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")


def _spelled(grants: Iterable[Grant]) -> list[str]:
    return [str(grant) for grant in grants]


def _moment(at: float | None) -> str:
    return "never" if at is None else datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z")
