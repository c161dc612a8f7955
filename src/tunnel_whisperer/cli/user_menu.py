"""What ``tw edit user`` asks for at a terminal when no flag names a change."""

from __future__ import annotations

import sys

from ..base.errors import Misuse
from ..base.values import Grant
from ..tenancy import User, UserBook, check_grants
from .access import GRANT_HELP, TIME_EXAMPLE, grant_lines, moment_text, parse_expiry
from .ask import ask, choose, complain
from .user_steps import Step, single_session, until, with_app, with_grant, without_app, without_grant

__all__ = ["EDIT_FLAGS", "ask_steps"]

EDIT_FLAGS = "-m PORT, --revoke LOCAL, --app NAME, --no-app NAME, --expires TIME or --single-session"

_MENU = (
    ("add", "let them reach another port"),
    ("app", "give them an app"),
    ("remove", "take a port or an app back"),
    ("expires", "change the end of their access"),
    ("single", "one session at a time, or several"),
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
        step = None if what == "done" else _ask_step(what, draft, book)
        try:
            if step is None:
                check_grants(draft.name, draft.grants)
                return steps
            draft = step(draft)
        except Misuse as exc:
            complain(exc)
            continue
        steps.append(step)


def _state(user: User) -> list[str]:
    lines = [f"{user.name} may reach:", *(grant_lines(user.grants) or ["  nothing"])]
    if user.apps:
        lines.append(f"  apps: {', '.join(app.name for app in user.apps)}")
    lines.append(f"  expires: {moment_text(user.expires)}")
    lines.append(f"  one session at a time: {'yes' if user.single_session else 'no'}")
    return lines


def _ask_step(what: str, user: User, book: UserBook) -> Step:
    match what:
        case "add":
            print(GRANT_HELP, file=sys.stderr)
            return ask("Port", flag="-m PORT", check=lambda text: with_grant(Grant.parse(text)))
        case "app":
            return ask("Name of the app", flag="--app NAME", check=lambda text: with_app(text, book))
        case "remove":
            has = {app.name for app in user.apps}

            def removal(text: str) -> Step:
                return without_app(text) if text in has else without_grant(text)

            return ask("Local port, or name of an app", flag="--revoke LOCAL", check=removal)
        case "expires":
            question = f"Until when? {TIME_EXAMPLE}, or never"
            return until(ask(question, flag="--expires TIME", check=parse_expiry))
        case _:
            answer = choose(
                "How many at a time",
                (("one", "a new session ends the old one"), ("several", "")),
                flag="--single-session",
            )
            return single_session(on=answer == "one")
