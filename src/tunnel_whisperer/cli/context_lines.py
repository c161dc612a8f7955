"""What the commands about contexts tell of one."""

from __future__ import annotations

import sys

from ..operations.context_about import about, still_served
from ..profile import Context

__all__ = ["next_step", "print_still_served"]

_START = {"relay": "tw relay run", "server": "tw serve", "client": "tw connect"}
_FIRST = "tw connect FILE.zip, tw join RELAY or tw relay run --domain NAME: the first one gives it its role"


def next_step(context: Context) -> str:
    """What one does with this context now that it is active."""
    known = about(context)
    if known.fault is not None:
        return f"mend {known.fault.where or context.profile.config}"
    if known.role == "server" and not known.relay:
        return "tw join RELAY"
    if known.elsewhere:
        return "tw list servers"
    return _START.get(known.role, _FIRST)


def print_still_served(before: Context | None, now: Context) -> None:
    """Name the process that goes on with the context of before: a switch does not end it."""
    if (who := still_served(before, now)) is not None:
        print(f"tw: {who} still serves {before}, until it is stopped", file=sys.stderr)
