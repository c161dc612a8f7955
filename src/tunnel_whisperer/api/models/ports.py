"""A client's local ports."""

from __future__ import annotations

from pydantic import BaseModel, Field

from .body import Body
from .jobs import ErrorValue

__all__ = ["ListenWish", "PortDocument", "PortList", "PortWish", "PortsChanged"]


class PortDocument(BaseModel):
    """One port that leads to the server's side."""

    given: int = Field(description="As the server's admin numbered it.", examples=[5432])
    local: int = Field(description="As this machine is to open it.", examples=[15432])
    target: str = Field(description="Where it leads, seen from the server.", examples=["127.0.0.1:5432"])
    address: str | None = Field(
        description="As it is open now; null: it is not.", examples=["127.0.0.1:15432"]
    )
    open: int = Field(description="Connections now.", examples=[2])
    opened: int = Field(description="Connections since the start.", examples=[17])
    error: ErrorValue | None = Field(description="Why the last connection came to nothing.")


class PortList(BaseModel):
    """All ports of this client."""

    ports: list[PortDocument]
    listen_address: str = Field(description="Interface on which they are opened.", examples=["127.0.0.1"])
    warning: str = Field(description="What it means that others can reach it; empty where they cannot.")
    changed: bool = Field(description="Whether they are opened otherwise when the role is started again.")


class PortWish(Body):
    """Another local port."""

    local: int = Field(ge=1, le=65535, description="``given`` again: as given.", examples=[15432])


class ListenWish(Body):
    """Another interface."""

    address: str = Field(
        min_length=2,
        max_length=64,
        description="127.0.0.1 is this machine alone, 0.0.0.0 all of its interfaces.",
        examples=["127.0.0.1"],
    )


class PortsChanged(BaseModel):
    """What became of it."""

    changed: list[str] = Field(
        description="Fields of config.yaml that differ now.", examples=[["client.listen_address"]]
    )
    restart: bool = Field(description="Whether the role has to be started again to apply it.")
    warning: str = ""
