"""What the commands about contexts tell of one."""

from __future__ import annotations

import sys
from dataclasses import dataclass

from ..base.errors import Misuse
from ..profile import Config, Context, load_config, who_runs

__all__ = ["About", "about", "next_step", "print_still_served"]

_START = {"relay": "tw relay run", "server": "tw serve", "client": "tw connect"}
_FIRST = "tw connect FILE.zip, tw join RELAY or tw relay run --domain NAME: the first one gives it its role"


@dataclass(frozen=True, slots=True)
class About:
    """What one can say of a context without starting anything."""

    role: str
    """Empty before its first role action, and where config.yaml cannot be read."""
    relay: str
    """The name that its clients use of its relay; empty before it has one."""
    elsewhere: bool = False
    """A relay on a machine of its own; here is who administers it."""
    fault: Misuse | None = None
    """Why nothing is known."""

    def __str__(self) -> str:
        if self.fault is not None:
            return "config.yaml cannot be read"
        if not self.role:
            return "no role yet"
        if self.role == "relay":
            return f"{'the admin of ' if self.elsewhere else ''}the relay {self.relay}"
        return f"a {self.role} of {self.relay}" if self.relay else f"a {self.role} without a relay yet"


def about(context: Context) -> About:
    """Read it; a config.yaml that cannot be read is part of the answer."""
    if not context.profile.config.exists():
        return About("", "")
    try:
        config = load_config(context.profile.config)
    except Misuse as exc:
        return About("", "", fault=exc)
    return About(config.mode, _relay_of(config), config.mode == "relay" and config.relay.kind == "standard")


def _relay_of(config: Config) -> str:
    return config.relay.domain if config.mode == "relay" else config.xray.relay_host


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
    if before is None or before.id == now.id:
        return
    if (who := who_runs(before.profile)) is not None:
        print(f"tw: {who} still serves {before}, until it is stopped", file=sys.stderr)
