"""What ``tw create app`` and ``tw edit app`` ask for at a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

from ..base.errors import Misuse
from ..base.values import Grant
from ..operations.access_words import revoked
from ..tenancy import App, check_grants
from .access import GRANT_HELP, grant_lines
from .ask import ask, at_terminal, choose, complain

__all__ = ["APP_FLAGS", "ask_change", "ask_grants", "fitting"]

APP_FLAGS = "-m PORT or --revoke LOCAL"

_MENU = (
    ("add", "another port"),
    ("remove", "take a port back"),
    ("done", "show what changes, and ask once more"),
)


def fitting(name: str, grants: Sequence[Grant], text: str) -> Grant:
    """One more grant, if its local port is not taken by one of ``grants``.

    Raises:
        Misuse: ``bad-argument``, ``too-many``.
    """
    grant = Grant.parse(text)
    check_grants(name, tuple(dict.fromkeys([*grants, grant])))
    return grant


def ask_grants(name: str) -> tuple[Grant, ...]:
    """Ports, until an empty line; at least one.

    Raises:
        Misuse: ``bad-argument`` without a terminal.
    """
    if not at_terminal():
        raise Misuse("bad-argument", "no port is granted", hint=f"tw create app {name} -m 5432")
    grants: list[Grant] = []

    def check(text: str) -> bool:
        if text:
            grants.append(fitting(name, grants, text))
        elif not grants:
            raise Misuse("bad-argument", "an app without a port grants nothing", hint="5432")
        return bool(text)

    print(f"What do users of {name} reach? Each port by itself.\n{GRANT_HELP}", file=sys.stderr)
    while ask("Next port, or nothing" if grants else "Port", flag="-m PORT", check=check, default=""):
        pass
    return tuple(dict.fromkeys(grants))


def ask_change(app: App, plan: Callable[[list[str], list[Grant]], object]) -> tuple[list[str], list[Grant]]:
    """Ask what to change, until it is done and fits everybody who has the app.

    Args:
        plan: raises Misuse when the change, given as it is returned, cannot be made.

    Returns:
        What to take, as ``revoked`` takes it, and then what to give.

    Raises:
        Misuse: ``bad-argument`` without a terminal.
    """
    grants = list(app.grants)

    def added(text: str) -> list[Grant]:
        return [*grants, fitting(app.name, grants, text)] if text else grants

    def removed(text: str) -> list[Grant]:
        return list(revoked(grants, text, app.name)) if text else grants

    while True:
        print("\n".join([f"{app.name} is:", *(grant_lines(grants) or ["  nothing"])]), file=sys.stderr)
        what = choose("Change what", _MENU, flag=APP_FLAGS, default="done")
        if what == "add":
            print(GRANT_HELP, file=sys.stderr)
            grants = ask("Port (nothing: back)", flag="-m PORT", check=added, default="")
        elif what == "remove":
            grants = ask("Local port (nothing: back)", flag="--revoke LOCAL", check=removed, default="")
        else:
            gone = [str(grant.local_port) for grant in app.grants if grant not in grants]
            change = gone, [grant for grant in grants if grant not in app.grants]
            try:
                plan(*change)
            except Misuse as exc:
                complain(exc)
            else:
                return change
