"""The role of this process."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from .jobs import ErrorValue

__all__ = ["RoleDocument"]


class RoleDocument(BaseModel):
    """How the role of this process stands."""

    mode: Literal["relay", "server", "client"] | None = Field(description="null: no identity here yet")
    state: Literal["empty", "elsewhere", "stopped", "starting", "running", "waiting", "failed"]
    since: float = Field(description="Unix time.", examples=[1798135200.0])
    error: ErrorValue | None = Field(default=None, description="Why it waits, or failed.")
    retry_at: float | None = Field(default=None, description="Unix time of the next attempt.")
    starts: int = Field(description="How often it was started by this process.", examples=[1])
    changed: list[str] = Field(
        default=[], description="Fields of config.yaml that a restart applies.", examples=[["xray.http"]]
    )
