"""Tests of the way to the relay."""

from __future__ import annotations

from pydantic import Field

from .body import Body

__all__ = ["NetworkWish"]


class NetworkWish(Body):
    """Which relay to look for, and how long."""

    host: str = Field(
        default="",
        max_length=260,
        description="``host`` or ``host:port``; empty: the relay of this identity.",
        examples=["relay.example.org"],
    )
    silence_s: float = Field(
        default=15.0,
        ge=0,
        le=3600,
        description="Seconds to leave a connection alone, to see who cuts it; 0: not at all.",
        examples=[15],
    )
