"""Questions to the person at the terminal."""

from __future__ import annotations

import sys

from ..base.errors import Misuse

__all__ = ["confirm"]


def confirm(question: str) -> bool:
    """Ask for a yes; anything else is a no.

    Raises:
        Misuse: ``bad-argument`` when nobody is there to answer.
    """
    if not sys.stdin.isatty():
        raise Misuse("bad-argument", "this needs a yes, and there is no terminal to ask at", hint="add --yes")
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")
