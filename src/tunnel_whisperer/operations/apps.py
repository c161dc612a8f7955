"""A server's apps, named sets of ports: made, changed for all who have them, forgotten."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..base.values import Grant
from ..profile import Profile
from ..tenancy import App, AppBook, Change
from .access_words import Difference, app_difference, grant_value, revoked
from .users import need_server

__all__ = ["AppChange", "app_rows", "app_value", "create_app", "delete_app", "edit_app"]


@dataclass(frozen=True, slots=True)
class AppChange:
    """What became of an app, or would."""

    before: App
    after: App
    users: list[Change]
    """All who have it, changed or not."""

    @property
    def difference(self) -> Difference:
        """Of the app."""
        return app_difference(self.before, self.after)


def create_app(profile: Profile, name: str, grants: Iterable[Grant]) -> App:
    """Make an app, to give to users.

    Raises:
        Misuse: ``exists``, ``bad-argument``, ``bad-apps``, ``too-many``, ``wrong-role``,
            ``state-not-written``.
    """
    need_server(profile)
    return AppBook(profile).create(name, grants)


def edit_app(
    profile: Profile,
    name: str,
    *,
    taken: Sequence[str] = (),
    given: Sequence[Grant] = (),
    dry_run: bool = False,
) -> AppChange:
    """Change the app and, at once, what its users may reach: all of it or nothing.

    Args:
        taken: ports, each as ``access_words.revoked`` takes it; they go first, so that one may be given again.
        dry_run: only check, and tell what would change.

    Raises:
        Misuse: ``no-such-name``, ``bad-argument`` when it does not fit one of its users, ``bad-apps``,
            ``bad-record``, ``too-many``, ``wrong-role``, ``state-not-written``.
    """
    need_server(profile)

    def change(app: App) -> App:
        kept = app.grants
        for text in taken:
            kept = revoked(kept, text, app.name)
        return replace(app, grants=tuple(dict.fromkeys([*kept, *given])))

    return AppChange(*AppBook(profile).edit(name, change, dry_run=dry_run))


def delete_app(profile: Profile, name: str, *, dry_run: bool = False) -> list[Change]:
    """Forget the app; its users lose what they had by it alone.

    Args:
        dry_run: only tell who would lose what.

    Raises:
        Misuse: as ``edit_app``; ``bad-argument`` when somebody would be left without any port.
    """
    need_server(profile)
    return AppBook(profile).delete(name, dry_run=dry_run)


def app_rows(profile: Profile) -> list[tuple[App, list[str]]]:
    """All apps, by name, with the names of the users who have each.

    Raises:
        Misuse: ``bad-apps``, ``wrong-role``.
    """
    need_server(profile)
    book = AppBook(profile)
    return [(app, book.users_of(app.name)) for app in book.all()]


def app_value(app: App, users: Sequence[str]) -> dict[str, Any]:
    """An app as ``tw list apps --json`` gives it."""
    grants = [grant_value(grant) for grant in app.grants]
    for grant in grants:
        del grant["app"]
    return {"name": app.name, "grants": grants, "users": list(users)}
