"""What can be changed of a user, a step each: flags, menu and API make the same ones.

A step makes the new state of the one it is given, or refuses; several are taken in turn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from ..base.errors import Misuse
from ..base.values import Grant
from ..tenancy import User, UserBook, check_grants
from .access_words import first_of, parse_expiry, revoked

__all__ = [
    "Step",
    "in_turn",
    "single_session",
    "steps_of",
    "until",
    "with_app",
    "with_grant",
    "without_app",
    "without_grant",
]

Step = Callable[[User], User]


def in_turn(steps: Iterable[Step], user: User) -> User:
    """All of them, one after the other."""
    for step in steps:
        user = step(user)
    return user


def steps_of(
    book: UserBook,
    *,
    grants: Iterable[Grant] = (),
    revoke: Sequence[str] = (),
    apps: Sequence[str] = (),
    no_apps: Sequence[str] = (),
    expires: str | None = None,
    single: bool | None = None,
) -> list[Step]:
    """All that is asked for at once. What is taken goes first, so that its port may be given again.

    Args:
        revoke: ports as for ``without_grant``.
        expires: as ``parse_expiry`` takes it; None: as it is.
        single: one session at a time; None: as it is.

    Raises:
        Misuse: ``bad-argument``, ``no-such-name``.
    """
    steps = [without_app(name) for name in no_apps]
    steps += [without_grant(text) for text in revoke]
    steps += [with_app(name, book) for name in apps]
    steps += [with_grant(grant) for grant in grants]
    if expires is not None:
        steps.append(until(parse_expiry(expires)))
    if single is not None:
        steps.append(single_session(on=single))
    return steps


def with_grant(grant: Grant) -> Step:
    """One more port; one that is there already changes nothing."""

    def step(user: User) -> User:
        if grant in user.grants:
            return user
        after = replace(user, own_grants=(*user.own_grants, grant))
        check_grants(user.name, after.grants)
        return after

    return step


def without_grant(text: str) -> Step:
    """One port less, named by its local port or in full; refused where it comes by an app."""

    def step(user: User) -> User:
        gone = set(user.grants) - set(revoked(user.grants, text, user.name))
        for grant in gone:
            if app := first_of(user, grant):
                raise Misuse(
                    "bad-argument",
                    f"{user.name} has {grant} by the app {app}",
                    hint=f"--no-app {app}, or tw edit app {app}",
                )
        return replace(user, own_grants=tuple(x for x in user.own_grants if x not in gone))

    return step


def with_app(name: str, book: UserBook) -> Step:
    """One more app, as it is now."""

    def step(user: User) -> User:
        (app,) = book.apps_named([name])
        after = replace(user, apps=(*(x for x in user.apps if x.name != name), app))
        check_grants(user.name, after.grants)
        return after

    return step


def without_app(name: str) -> Step:
    """One app less."""

    def step(user: User) -> User:
        if all(app.name != name for app in user.apps):
            has = ", ".join(app.name for app in user.apps) or "none"
            raise Misuse(
                "no-such-name", f"{user.name} does not have the app {name[:70]!r}", hint=f"has: {has}"
            )
        return replace(user, apps=tuple(app for app in user.apps if app.name != name))

    return step


def until(moment: float | None) -> Step:
    """Another end, in Unix time; None: no end."""
    return lambda user: replace(user, expires=moment)


def single_session(*, on: bool) -> Step:
    """One session at a time, or not."""
    return lambda user: replace(user, single_session=on)
