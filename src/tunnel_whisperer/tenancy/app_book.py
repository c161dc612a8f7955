"""Making, changing and deleting apps; their users follow in the same step."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ..base.errors import Misuse
from ..base.limits import MAX_APPS
from ..base.values import Grant
from ..profile import Profile, locked, write_file
from .apps import apps_file, format_apps, read_apps
from .identity import need_mode
from .names import check_app_name
from .notes import note_app
from .standing import Change
from .user import App, check_grants
from .users import UserBook

__all__ = ["AppBook"]


class AppBook:
    """All apps of one server.

    Args:
        profile: the server's directory.
        users: of the same server.
    """

    def __init__(self, profile: Profile, users: UserBook | None = None) -> None:
        self._profile = profile
        self._users = users or UserBook(profile)

    def all(self) -> list[App]:
        """All apps, by name.

        Raises:
            Misuse: ``bad-apps``.
        """
        return sorted(read_apps(self._profile).values(), key=lambda app: app.name)

    def get(self, name: str) -> App:
        """One app.

        Raises:
            Misuse: ``no-such-name``, ``bad-argument``, ``bad-apps``.
        """
        check_app_name(name)
        return self._users.apps_named([name])[0]

    def users_of(self, name: str) -> list[str]:
        """Names of the users who have it; whose record cannot be read is left out."""
        return [user.name for user in self._users.survey()[0] if name in {app.name for app in user.apps}]

    def create(self, name: str, grants: Iterable[Grant]) -> App:
        """Make an app.

        Raises:
            Misuse: ``exists``, ``bad-argument``, ``bad-apps``, ``too-many``, ``wrong-role``,
                ``state-not-written``.
        """
        check_app_name(name)
        app = App(name, tuple(dict.fromkeys(grants)))
        check_grants(name, app.grants)
        with locked(self._profile):
            need_mode(self._profile, "server", "tw join RELAY")
            self.check_new(name)
            apps = read_apps(self._profile)
            if len(apps) >= MAX_APPS:
                raise Misuse("too-many", f"a server has at most {MAX_APPS} apps", hint="tw delete app NAME")
            write_file(apps_file(self._profile), format_apps([*apps.values(), app]))
            note_app(self._profile, "app-created", name, None, app)
            return app

    def check_new(self, name: str) -> None:
        """That no app has this name.

        Raises:
            Misuse: ``exists``, ``bad-apps``.
        """
        if name in read_apps(self._profile):
            raise Misuse(
                "exists", f"there is an app {name!r} already", hint=f"tw edit app {name}, or another name"
            )

    def edit(
        self, name: str, change: Callable[[App], App], *, dry_run: bool = False
    ) -> tuple[App, App, list[Change]]:
        """Change an app, and what its users may do: all of it or nothing.

        Args:
            change: makes the new app of the one that is there; may raise.
            dry_run: only check, and tell what would change.

        Returns:
            The app before and after, and all its users.

        Raises:
            Misuse: ``no-such-name``, ``bad-argument`` when it does not fit one of its users, ``bad-apps``,
                ``bad-record``, ``too-many``, ``state-not-written``.
        """
        check_app_name(name)
        with locked(self._profile):
            apps = read_apps(self._profile)
            before = self.get(name)
            after = change(before)
            check_grants(name, after.grants)
            apps[name] = after
            files = {apps_file(self._profile): format_apps(apps.values())} if after != before else {}
            changes = self._users.follow(name, after, files, dry_run=dry_run)
            if files and not dry_run:
                note_app(self._profile, "app-edited", name, before, after)
            return before, after, changes

    def delete(self, name: str, *, dry_run: bool = False) -> list[Change]:
        """Forget an app; its users lose what they had by it alone.

        Args:
            dry_run: only tell who would lose what.

        Raises:
            Misuse: as ``edit``; ``bad-argument`` when somebody would be left without any port.
        """
        check_app_name(name)
        with locked(self._profile):
            before = self.get(name)
            apps = read_apps(self._profile)
            del apps[name]
            files = {apps_file(self._profile): format_apps(apps.values())}
            changes = self._users.follow(name, None, files, dry_run=dry_run)
            if not dry_run:
                note_app(self._profile, "app-deleted", name, before, None)
            return changes
