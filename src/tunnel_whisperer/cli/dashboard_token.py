"""``tw dashboard --token NAME``: a token for a program, such as Prometheus."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ..profile import Profile, who_runs

__all__ = ["make_token"]

_LIFE_DAYS = 365


def make_token(args: argparse.Namespace, profile: Profile, directory: Path) -> int:
    """Make it in the process that runs, else in its directory; the token is all of the answer.

    Args:
        directory: of the dashboard's keys, where none runs.

    Raises:
        TwError: ``bad-argument``, ``too-many``, or what the process that runs says.
    """
    # The libraries of the API are slow to load.
    from ..api.client import open_client  # noqa: PLC0415
    from ..api.gate.key_book import KeyBook  # noqa: PLC0415
    from ..api.gate.keys import Scope  # noqa: PLC0415

    scope = "all" if args.token_may_all else "read"
    if who_runs(profile) is not None:
        with open_client(profile) as client:
            made = client.post("/tokens", {"name": args.token, "scope": scope, "days": _LIFE_DAYS})
        secret = made["token"]
    else:
        Profile(directory.parent).ensure()
        secret = KeyBook(directory).add_token(args.token, Scope(scope), _LIFE_DAYS * 86_400).secret
    print(secret)
    may = "do all that you may" if args.token_may_all else "read, and nothing else"
    print(f"tw: it may {may}, for a year; the dashboard's page Access ends it before", file=sys.stderr)
    return 0
