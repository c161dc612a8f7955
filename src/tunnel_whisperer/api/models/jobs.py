"""Long work."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field

__all__ = ["ErrorValue", "JobDocument", "JobList", "StepDocument"]


class ErrorValue(BaseModel):
    """Why something failed."""

    code: str = Field(examples=["dns-failed"])
    why: str = Field(examples=["relay.example.org: no address"])
    hint: str = Field(default="", examples=["check the name"])


class StepDocument(BaseModel):
    """One thing that was done, or is waited for."""

    id: str = Field(description="The part of the work.", examples=["dns"])
    state: Literal["started", "waiting", "done", "failed", "skipped", "info"]
    words: str = Field(examples=["relay.example.org has the address 192.0.2.7"])
    at: float = Field(description="Unix time.", examples=[1798135200.0])
    hint: str = ""


class JobDocument(BaseModel):
    """Long work: how far it is, and what came out of it."""

    id: str = Field(examples=["5f0c2a9d3b71"])
    kind: str = Field(examples=["test-relay"])
    title: str = Field(examples=["the way to the relay"])
    state: Literal["running", "done", "failed", "cancelled"]
    started: float = Field(description="Unix time.", examples=[1798135200.0])
    ended: float | None = None
    steps: list[StepDocument] = []
    result: dict[str, Any] = {}
    error: ErrorValue | None = None
    version: int = Field(default=0, description="Grows with every change.")


class JobList(BaseModel):
    """The newest first."""

    jobs: list[JobDocument]
