"""A server's apps."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field

from .body import Body
from .users import ChangedUser, Differences, GrantDocument, GrantWish

__all__ = ["AppChangeDocument", "AppDocument", "AppEdit", "AppList", "AppWish", "DeletedApp"]


class AppDocument(BaseModel):
    """A named set of ports."""

    name: str = Field(examples=["historian"])
    grants: list[GrantDocument]
    users: list[str] = Field(description="Who has it.", examples=[["alice"]])


class AppList(BaseModel):
    """All of them, by name."""

    apps: list[AppDocument]


class AppWish(Body):
    """An app to make."""

    name: str = Field(max_length=63, examples=["historian"])
    grants: list[GrantWish] = Field(max_length=256)


class AppEdit(Body):
    """What to change: as the flags of ``tw edit app``. What is taken goes first."""

    revoke: list[Annotated[str, Field(max_length=300)]] = Field(
        default=[],
        max_length=256,
        description="Ports to take back: the number at the user's end, or LOCAL:HOST:PORT.",
        examples=[["5432"]],
    )
    grants: list[GrantWish] = Field(default=[], max_length=256, description="Ports to give.")


class AppChangeDocument(BaseModel):
    """What became of an app, or would."""

    name: str = Field(examples=["historian"])
    difference: Differences
    users: list[ChangedUser] = Field(description="All who have it, changed or not.")
    changed: bool = Field(description="false: there was nothing to change.")
    dry_run: bool = Field(default=False, description="Nothing was done.")


class DeletedApp(BaseModel):
    """What its end means to those who had it."""

    users: list[ChangedUser]
    dry_run: bool = Field(default=False, description="Nothing was done.")
