"""What the role carried, over time."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

__all__ = ["RatesDocument", "RecoveryDocument", "Span", "StatsDocument", "TotalsDocument"]

Span = Literal["hour", "day", "days"]


class RatesDocument(BaseModel):
    """One user, port or server over the times of the history."""

    name: str = Field(description="``other`` are all that are not told apart.", examples=["alice"])
    up: list[float] = Field(description="Bytes per second towards the target.")
    down: list[float] = Field(description="Bytes per second from it.")


class RecoveryDocument(BaseModel):
    """The session came back after it was lost."""

    at: float = Field(description="Unix time.", examples=[1798135200.0])
    seconds: float = Field(description="How long it was away.", examples=[1.4])
    count: int = Field(description="How often, in that sample.", examples=[1])


class TotalsDocument(BaseModel):
    """Since the role was started."""

    started: float = Field(description="Unix time.", examples=[1798135200.0])
    up: int = Field(description="Bytes towards targets.", examples=[12000])
    down: int = Field(description="Bytes from them.", examples=[480000])
    open: int = Field(description="Connections now.", examples=[2])
    opened: int = Field(description="Connections so far.", examples=[17])
    sessions: int = Field(description="Sessions of users, or of servers, now.", examples=[1])
    recoveries: int = Field(description="How often the session came back after it was lost.", examples=[0])


class StatsDocument(BaseModel):
    """The history, the oldest first; all lists but ``recoveries`` are as long as ``times``."""

    role: str | None = Field(description="null: no role runs.", examples=["server"])
    kept: bool = Field(description="false: no history is kept (``analytics``).")
    span: Span
    period_s: float = Field(description="Seconds from one sample to the next.", examples=[10.0])
    times: list[float] = Field(description="Unix time of the end of each sample.")
    seconds: list[float] = Field(description="How long each lasted.")
    up: list[float] = Field(description="Bytes per second towards targets, of all together.")
    down: list[float] = Field(description="Bytes per second from them.")
    open: list[int] = Field(description="Connections at that time.")
    sessions: list[int] = Field(description="Sessions of users, or of servers, at that time.")
    tunnel_up: list[bool | None] = Field(description="Whether the session was up; null: the role has none.")
    round_trip_s: list[float | None]
    by: dict[str, list[RatesDocument]] = Field(
        description="By ``user`` and ``port`` at a server, ``port`` at a client, ``tenant`` at a relay: the "
        "busiest first."
    )
    recoveries: list[RecoveryDocument]
    totals: TotalsDocument | None = Field(description="null: no role runs.")
