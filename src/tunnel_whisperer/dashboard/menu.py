"""Which pages there are, for which role."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["MENU", "Entry", "menu_of"]

_EVERY = ("relay", "server", "client", "")


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the menu."""

    path: str
    title: str
    roles: tuple[str, ...] = _EVERY
    """Whose menu has it; empty: a machine without an identity."""


MENU = (
    Entry("/", "Overview", ("relay", "server", "client")),
    Entry("/setup", "Set up", ("",)),
    Entry("/users", "Users", ("server",)),
    Entry("/apps", "Apps", ("server",)),
    Entry("/ports", "Ports", ("client",)),
    Entry("/servers", "Servers", ("relay",)),
    Entry("/relay", "Relay machine", ("relay",)),
    Entry("/terminal", "Terminal", ("relay",)),
    Entry("/traffic", "Traffic", ("server", "client", "relay")),
    Entry("/tests", "Tests"),
    Entry("/log", "Log"),
    Entry("/audit", "Audit", ("server", "relay")),
    Entry("/settings", "Settings", ("relay", "server", "client")),
    Entry("/contexts", "Contexts"),
    Entry("/access", "Access"),
)


def menu_of(mode: str | None) -> list[Entry]:
    """The lines for one role; None: no identity yet."""
    return [entry for entry in MENU if (mode or "") in entry.roles]
