"""How this machine stands."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field

from .jobs import ErrorValue
from .users import SessionDocument

__all__ = ["StatusDocument"]


class StatusContext(BaseModel):
    """The identity."""

    id: str
    name: str


class StatusProcess(BaseModel):
    """The process that serves it."""

    pid: int | None
    command: str = Field(examples=["tw dashboard"])
    since: float = Field(description="Unix time.", examples=[1798135200])


class StatusProxy(BaseModel):
    """The way out."""

    url: str = Field(description="Without its password.", examples=["http://proxy.plant.lan:3128"])
    source: str = Field(alias="from", description="Who says so.", examples=["config.yaml"])


class StatusUser(BaseModel):
    """A user, as a server's status has it."""

    name: str
    let_in: bool
    online: bool | None = Field(description="null: the server does not run.")
    sessions: list[SessionDocument] = []


class StatusElsewhere(BaseModel):
    """Another identity of this machine that is served now."""

    id: str
    name: str
    command: str
    pid: int | None


class StatusDocument(BaseModel):
    """Everything that ``tw status --json`` tells. What does not apply to the role is null."""

    context: StatusContext | None = Field(description="null: no identity here yet.")
    directory: str
    role: Literal["relay", "server", "client"] | None
    relay: str | None = Field(description="Where it is dialled.", examples=["relay.example.org:443"])
    hosted: bool = Field(description="A relay on a machine of its own, which runs no tw.")
    running: StatusProcess | None
    proxy: StatusProxy | None
    state: dict[str, Any] | None = Field(
        description="What the process tells: ``health``, ``session``, and what its role has."
    )
    users: list[StatusUser] | None = Field(description="Of a server.")
    servers: list[dict[str, Any]] | None = Field(description="Of a relay.")
    ports: list[dict[str, Any]] | None = Field(description="Of a client.")
    certificate_ends: str | None = Field(description="ISO 8601.")
    audit: dict[str, Any] | None = Field(description="Records that could not be written.")
    elsewhere: list[StatusElsewhere] = []
    well: bool | None = Field(description="null: nothing runs.")
    problems: list[ErrorValue] = []
    next: list[str] = Field(default=[], description="What to do, the most urgent first.")
