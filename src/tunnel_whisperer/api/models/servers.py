"""The servers of a relay."""

from __future__ import annotations

from pydantic import BaseModel, Field

from ...base.limits import MAX_INVITATION_S, MAX_JOIN_FILE_BYTES
from .body import Body
from .jobs import JobDocument

__all__ = [
    "EnrolledDocument",
    "InvitationDocument",
    "InvitationWish",
    "MadeInvitation",
    "RemovedDocument",
    "ResponseDocument",
    "ServerDocument",
    "ServerList",
    "ServerRequest",
]

Port = Field(default=None, ge=1, le=65535, description="That clients dial; null: the relay's own.")


class ServerDocument(BaseModel):
    """One server that is enrolled."""

    server: str = Field(description="Its id.", examples=["plant-7"])
    port: int = Field(description="Its port inside the relay.", examples=[20000])
    enrolled: str = Field(description="ISO 8601.", examples=["2026-07-14T09:30:00+00:00"])
    online: bool | None = Field(description="null: not known.")
    since: str | None = Field(description="It went online or offline; ISO 8601.")
    streams: int | None = Field(description="Connections of its users now; null: not known.", examples=[3])
    up: int | None = Field(
        description="Bytes towards it since the relay was started; null: not known.", examples=[1200]
    )
    down: int | None = Field(description="Bytes from it.", examples=[48000])


class InvitationDocument(BaseModel):
    """One that nobody has used."""

    name: str = Field(description="The id that the server is to have, or the invitation's own.")
    until: str = Field(description="ISO 8601.", examples=["2026-07-15T09:30:00+00:00"])


class ServerList(BaseModel):
    """Those that match."""

    kind: str = Field(description="``embedded`` or ``standard``.", examples=["embedded"])
    servers: list[ServerDocument]
    invitations: list[InvitationDocument]
    enrolled: int = Field(description="How many servers there are, also those that do not match.")
    known: bool = Field(description="Whether it is known who is connected.")
    asked_at: float | None = Field(
        default=None, description="When a standard relay's machine was asked; Unix time."
    )


class ServerRequest(Body):
    """A server to be admitted."""

    request: str = Field(
        max_length=MAX_JOIN_FILE_BYTES, description="The text of the file that ``tw join RELAY`` wrote."
    )
    port: int | None = Port


class ResponseDocument(BaseModel):
    """What goes back to the server's admin; nothing in it is secret."""

    server: str = Field(examples=["plant-7"])
    file_name: str = Field(examples=["plant-7-response.json"])
    response: str = Field(description="The text of the file for ``tw join --apply``.")


class EnrolledDocument(ResponseDocument):
    """A server that is admitted."""

    job: JobDocument | None = Field(
        default=None, description="Of a relay on its own machine: brings the server there."
    )


class RemovedDocument(BaseModel):
    """What was taken away."""

    removed: str = Field(examples=["server plant-7"])
    job: JobDocument | None = Field(
        default=None, description="Of a relay on its own machine: cuts the server off there."
    )


class InvitationWish(Body):
    """An invitation for one server."""

    name: str = Field(
        default="",
        max_length=31,
        description="The server's id; empty: its admin chooses.",
        examples=["plant-7"],
    )
    hours: float = Field(
        default=24, gt=0, le=MAX_INVITATION_S / 3600, description="How long it can be used.", examples=[24]
    )
    port: int | None = Port


class MadeInvitation(BaseModel):
    """Shown once: whoever has it first is let in."""

    token: str = Field(examples=["tw-join-..."])
    name: str
    until: str = Field(description="ISO 8601.")
