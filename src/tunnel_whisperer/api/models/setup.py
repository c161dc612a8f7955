"""How a machine gets its role."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field, SecretStr

from ...base.limits import MAX_JOIN_FILE_BYTES, MAX_TOKEN_CHARS
from .body import Body

__all__ = [
    "InvitationUse",
    "JoinAnswer",
    "JoinRequestDocument",
    "JoinWish",
    "JoinedDocument",
    "RelayWishDocument",
    "RelayHereDocument",
    "SetupDocument",
]

ServerId = Field(
    default="",
    max_length=31,
    description="Short name of this server; empty: as invited, else its own or its host name.",
    examples=["plant-7"],
)


class SetupDocument(BaseModel):
    """How far this identity is."""

    stage: Literal["empty", "begun", "asked", "done"] = Field(
        description="empty: no role yet; begun: a server that no relay knows; asked: its request is made, and"
        " the response missing; done: it has all that its role needs."
    )
    mode: Literal["relay", "server", "client"] | None
    server: str = Field(description="Id that it has, or would propose.", examples=["plant-7"])
    relay: str = Field(
        description="That was asked, or that it has; may be empty.", examples=["relay.example.org"]
    )


class JoinWish(Body):
    """Which relay to ask for a slot."""

    relay: str = Field(
        min_length=1, max_length=262, description="``host`` or ``host:port``", examples=["relay.example.org"]
    )
    server: str = ServerId


class JoinRequestDocument(BaseModel):
    """To be sent to the relay's admin. It holds nothing secret."""

    server: str = Field(examples=["plant-7"])
    relay: str = Field(examples=["relay.example.org"])
    file_name: str = Field(examples=["plant-7-request.json"])
    request: str = Field(description="The file.")


class JoinAnswer(Body):
    """What came back."""

    response: str = Field(min_length=1, max_length=MAX_JOIN_FILE_BYTES, description="The file.")


class JoinedDocument(BaseModel):
    """A server with a relay."""

    server: str = Field(examples=["plant-7"])
    relay: str = Field(examples=["relay.example.org"])


class InvitationUse(Body):
    """An invitation that makes this machine a server or a client."""

    token: SecretStr = Field(
        min_length=1, max_length=2 * MAX_TOKEN_CHARS, description="``tw-join-..`` or ``tw-connect-..``"
    )
    server: str = ServerId


class RelayWishDocument(Body):
    """A relay on this machine; what is left out stays as it is."""

    domain: str = Field(
        default="",
        max_length=253,
        description="Name or address that clients use; needed the first time.",
        examples=["relay.example.org"],
    )
    listen: str = Field(
        default="", max_length=262, description="``[host]:port``, :443 at first.", examples=[":443"]
    )
    cert: str = Field(
        default="",
        max_length=1024,
        description="Path on this machine of a certificate chain (PEM); otherwise a CA of its own is made.",
        examples=["/etc/tw/relay.pem"],
    )
    key: str = Field(default="", max_length=1024, description="Path of that certificate's key (PEM).")
    behind_proxy: bool | None = Field(
        default=None,
        description="Plain HTTP, behind a web server that ends TLS and hands the client certificate on.",
    )


class RelayHereDocument(BaseModel):
    """The relay that this machine is."""

    domain: str = Field(examples=["relay.example.org"])
    listen: str = Field(examples=[":443"])
    own_ca: bool = Field(description="Its certificate comes from a CA that was made here.")
    behind_proxy: bool
