"""What ``tw edit user`` asks for at a terminal when no flag names a change."""

from __future__ import annotations

import sys
from collections.abc import Callable

from ..base.errors import Misuse
from ..base.values import Grant
from ..operations.access_words import TIME_EXAMPLE, moment_text, parse_expiry
from ..operations.user_steps import (
    Step,
    single_session,
    until,
    with_app,
    with_grant,
    without_app,
    without_grant,
)
from ..tenancy import User, UserBook, check_grants
from .access import GRANT_HELP, reach_lines
from .ask import ask, choose, complain

__all__ = ["EDIT_FLAGS", "ask_steps"]

EDIT_FLAGS = "-m PORT, --revoke LOCAL, --app NAME, --no-app NAME, --expires TIME or --single-session"

_MENU = (
    ("add", "let them reach another port"),
    ("app", "give them an app"),
    ("remove", "take a port or an app back"),
    ("expires", "change the end of their access"),
    ("single", "one session at a time, or no longer so"),
    ("done", "show what changes, and ask once more"),
)


def ask_steps(user: User, book: UserBook) -> list[Step]:
    """Ask what to change, until it is done and makes sense.

    Raises:
        Misuse: ``bad-argument`` without a terminal.
    """
    steps: list[Step] = []
    draft = user
    while True:
        print("\n".join(_state(draft)), file=sys.stderr)
        what = choose("Change what", _MENU, flag=EDIT_FLAGS, default="done")
        if what != "done":
            step = _ask_step(what, draft, book)
            if step is not None:
                steps.append(step)
                draft = step(draft)
            continue
        try:
            check_grants(draft.name, draft.grants)
        except Misuse as exc:
            complain(exc)
        else:
            return steps


def _state(user: User) -> list[str]:
    lines = [f"{user.name} may reach:", *(reach_lines(user) or ["  nothing"])]
    lines.append(f"  expires: {moment_text(user.expires)}")
    lines.append(f"  one session at a time: {'yes' if user.single_session else 'no'}")
    return lines


def _ask_step(what: str, draft: User, book: UserBook) -> Step | None:
    """A step that can be taken; None: nothing was answered."""
    match what:
        case "add":
            print(GRANT_HELP, file=sys.stderr)
            return _ask("Port", "-m PORT", draft, lambda text: with_grant(Grant.parse(text)))
        case "app":
            return _ask("Name of the app", "--app NAME", draft, lambda text: with_app(text, book))
        case "remove":
            has = {app.name for app in draft.apps}

            def removal(text: str) -> Step:
                return without_app(text) if text in has else without_grant(text)

            return _ask("Local port, or name of an app", "--revoke LOCAL", draft, removal)
        case "expires":
            question = f"Until when, as in {TIME_EXAMPLE}, 7d, or never"
            return _ask(question, "--expires TIME", draft, lambda text: until(parse_expiry(text)))
        case _:
            return single_session(on=not draft.single_session)


def _ask(question: str, flag: str, draft: User, step_of: Callable[[str], Step]) -> Step | None:
    """Ask for what makes a step that the draft can take."""

    def check(text: str) -> Step | None:
        if not text:
            return None
        step = step_of(text)
        step(draft)
        return step

    return ask(f"{question} (nothing: back)", flag=flag, check=check, default="")
