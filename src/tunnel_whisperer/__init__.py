"""Tunnel Whisperer: port-to-port bridges between private networks, inside ordinary HTTPS.

    import tunnel_whisperer as tw

    with tw.connect("alice-tw-config.zip") as t:
        print(t.ports[5432])  # a port of this machine that leads to port 5432 over there

These names are the interface for programs; all other modules may change with any release. What
they need is imported when one of them is used, so that ``tw --help`` does not wait for it.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .base.errors import Broken, Misuse, PeerFault, Refused, TwError, Unreachable
    from .daemon.connection import AsyncConnection, Connection, connect
    from .daemon.embedded_client import ConnectionState

__all__ = [
    "AsyncConnection",
    "Broken",
    "Connection",
    "ConnectionState",
    "Misuse",
    "PeerFault",
    "Refused",
    "TwError",
    "Unreachable",
    "connect",
]

_HOMES = {
    ".base.errors": ("Broken", "Misuse", "PeerFault", "Refused", "TwError", "Unreachable"),
    ".daemon.connection": ("AsyncConnection", "Connection", "connect"),
    ".daemon.embedded_client": ("ConnectionState",),
}

if not TYPE_CHECKING:  # to a type checker these names are what is imported above, and no others

    def __getattr__(name: str) -> object:
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        (home,) = (module for module, names in _HOMES.items() if name in names)
        return globals().setdefault(name, getattr(importlib.import_module(home, __name__), name))

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
