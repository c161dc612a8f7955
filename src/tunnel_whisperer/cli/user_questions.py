"""What ``tw create user`` asks for at a terminal."""

from __future__ import annotations

import sys

from ..base.errors import Misuse
from ..base.values import Grant
from ..operations.access_words import TIME_EXAMPLE, parse_expiry
from ..tenancy import App, UserBook, check_grants, check_user_name
from .access import GRANT_HELP, grant_lines
from .ask import ask, at_terminal

__all__ = ["ask_expiry", "ask_name", "ask_reach"]


def ask_name(book: UserBook) -> str:
    """A name that nobody has.

    Raises:
        Misuse: ``bad-argument`` without a terminal.
    """

    def check(text: str) -> str:
        book.check_new(check_user_name(text))
        return text

    return ask("Name of the new user", flag="the name, as in tw create user alice -m 5432", check=check)


def ask_reach(name: str, book: UserBook) -> tuple[tuple[Grant, ...], tuple[str, ...]]:
    """Ports and names of apps, until an empty line; at least one.

    Raises:
        Misuse: ``bad-argument`` without a terminal, ``bad-apps``.
    """
    if not at_terminal():
        raise Misuse("bad-argument", "no port is granted", hint=f"tw create user {name} -m 5432")
    known = book.known_apps()
    print(f"What may {name} reach? Each port by itself; nothing else is open to them.", file=sys.stderr)
    print(GRANT_HELP, file=sys.stderr)
    for app in known.values():
        print("\n".join([f"  {app.name:<25}  an app:", *grant_lines(app.grants, "  ")]), file=sys.stderr)
    grants: list[Grant] = []
    apps: list[App] = []

    def check(text: str) -> bool:
        if not text:
            if not (grants or apps):
                raise Misuse("bad-argument", "a user without a port can do nothing", hint="5432")
            return False
        more_apps = [known[text]] if text in known else []
        more_grants = [] if more_apps else [Grant.parse(text)]
        given = [*grants, *more_grants, *(x for app in (*apps, *more_apps) for x in app.grants)]
        check_grants(name, tuple(dict.fromkeys(given)))
        grants.extend(more_grants)
        apps.extend(more_apps)
        return True

    while ask("Next port, or nothing" if grants or apps else "Port", flag="-m PORT", check=check, default=""):
        pass
    return tuple(dict.fromkeys(grants)), tuple(dict.fromkeys(app.name for app in apps))


def ask_expiry() -> float | None:
    """The end of their access in Unix time; None: no end.

    Raises:
        Misuse: ``bad-argument`` without a terminal.
    """
    question = f"Until when, as in {TIME_EXAMPLE} or 7d"
    return ask(question, flag="--expires TIME", check=parse_expiry, default="never")
