"""Who may ask this process: browsers that are logged in, tokens of programs, the password."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field, SecretStr

from .body import Body

__all__ = [
    "KeyDocument",
    "KeyList",
    "MadeToken",
    "PasswordState",
    "PasswordWish",
    "Revoked",
    "TokenWish",
]


class KeyDocument(BaseModel):
    """One key that lets a browser or a program in."""

    id: str = Field(description="Names it where it is revoked.", examples=["5f0c2a9d3b71"])
    kind: Literal["browser", "token"]
    scope: Literal["all", "read"]
    name: str = Field(
        description="A browser's user agent, or what a token was called.", examples=["prometheus"]
    )
    address: str = Field(description="Where it was last used from; empty: never.", examples=["127.0.0.1"])
    created: float = Field(description="Unix time.", examples=[1798135200.0])
    last_seen: float = Field(description="Unix time; a minute behind at most.", examples=[1798135200.0])
    expires: float | None = Field(description="Unix time; null: when it is revoked.")
    this: bool = Field(description="It is the one that asks.")


class KeyList(BaseModel):
    """Those that let somebody in, the last used first."""

    keys: list[KeyDocument]
    url: str | None = Field(
        description="Where browsers come; null: no port is open.", examples=["http://127.0.0.1:8080"]
    )
    exposed: bool = Field(description="Whether other machines can reach it.")
    fingerprint: str = Field(description="SHA-256 of the certificate that was made here; may be empty.")


class TokenWish(Body):
    """A token for a program."""

    name: str = Field(min_length=1, max_length=64, examples=["prometheus"])
    scope: Literal["all", "read"] = Field(
        default="read", description="``read``: GET of the API and of /metrics, and nothing else."
    )
    days: int | None = Field(
        default=365, ge=1, le=36600, description="How long it is good; null: until it is revoked."
    )


class MadeToken(BaseModel):
    """The only time that it is shown."""

    token: str = Field(examples=["tw-token-..."])
    key: KeyDocument


class Revoked(BaseModel):
    """How many are over."""

    revoked: int


class PasswordState(BaseModel):
    """The password of the dashboard."""

    set: bool = Field(description="Whether there is one.")


class PasswordWish(Body):
    """Another one."""

    password: SecretStr = Field(max_length=1024, description="12 characters or more.")
