"""What one can say of a context without starting anything."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ..base.errors import Misuse, render
from ..profile import Config, Context, Contexts, Running, load_config, who_runs

__all__ = ["About", "ContextRow", "about", "context_rows", "still_served"]


@dataclass(frozen=True, slots=True)
class About:
    """A context's role, and where that stands."""

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


@dataclass(frozen=True, slots=True)
class ContextRow:
    """One context, as a list shows it."""

    context: Context
    about: About
    active: bool
    """Whether commands work on it."""
    running: Running | None
    """The process that serves it."""

    def to_json(self) -> dict[str, Any]:
        """As ``tw list contexts --json`` gives it."""
        context, known, who = self.context, self.about, self.running
        return {
            "name": context.name,
            "id": context.id,
            "role": known.role or None,
            "relay": known.relay or None,
            "directory": str(context.profile.directory),
            "created": _time(context.created),
            "running": None
            if who is None
            else {"pid": who.pid or None, "command": who.command, "since": _time(who.since)},
            "fault": render(known.fault) if known.fault is not None else None,
            "active": self.active,
        }


def about(context: Context) -> About:
    """Read it; a config.yaml that cannot be read is part of the answer."""
    if not context.profile.config.exists():
        return About("", "")
    try:
        config = load_config(context.profile.config)
    except Misuse as exc:
        return About("", "", fault=exc)
    return About(config.mode, _relay_of(config), config.mode == "relay" and config.relay.kind == "standard")


def context_rows(contexts: Contexts) -> tuple[list[ContextRow], list[Misuse]]:
    """The identities of this machine, and what is wrong with any of them.

    Raises:
        Misuse: ``state-not-written`` when a change that was interrupted cannot be completed.
    """
    found, faults = contexts.survey()
    active = _active_id(contexts, faults)
    rows = [
        ContextRow(context, about(context), context.id == active, who_runs(context.profile))
        for context in found
    ]
    return rows, [*faults, *(row.about.fault for row in rows if row.about.fault is not None)]


def still_served(before: Context | None, now: Context) -> Running | None:
    """The process that goes on with the context of before: a switch does not end it."""
    return None if before is None or before.id == now.id else who_runs(before.profile)


def _relay_of(config: Config) -> str:
    return config.relay.domain if config.mode == "relay" else config.xray.relay_host


def _active_id(contexts: Contexts, faults: list[Misuse]) -> str:
    try:
        active = contexts.active()
    except Misuse as exc:  # the list is where one looks then
        faults.append(exc)
        return ""
    return active.id if active is not None else ""


def _time(seconds: float | None) -> str | None:
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
