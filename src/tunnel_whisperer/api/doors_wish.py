"""Where browsers are to come, and where they can."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

__all__ = ["Door", "Wish"]


@dataclass(frozen=True, slots=True)
class Wish:
    """Where browsers are to come."""

    host: str = "127.0.0.1"
    port: int = 8080
    """0: any that is free."""
    names: tuple[str, ...] = ()
    """Host names and addresses that people open it by, beyond loopback."""
    cert: Path | None = None
    """Of the administrator's own, PEM; with ``key``."""
    key: Path | None = None


@dataclass(frozen=True, slots=True)
class Door:
    """A port that is open for browsers."""

    url: str
    """``http://127.0.0.1:8080``."""
    fingerprint: str = ""
    """SHA-256 of a certificate that we made ourselves."""
    exposed: bool = False
    """Whether other machines can reach it."""
