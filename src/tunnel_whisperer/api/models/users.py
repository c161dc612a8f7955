"""A server's users."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field, SecretStr

from ...base.limits import MAX_INVITATION_S
from .body import Body
from .jobs import ErrorValue

__all__ = [
    "AppliedUsers",
    "ChangeDocument",
    "ChangedUser",
    "CreatedUser",
    "UserFileWish",
    "GrantDocument",
    "GrantWish",
    "UserInvitation",
    "UserInvitationWish",
    "SessionDocument",
    "StandingWord",
    "UserDetail",
    "UserDocument",
    "UserEdit",
    "UserList",
    "UserWish",
]

StandingWord = Literal["yes", "differs", "expired", "invited", "unregistered", "no"]
Port = Annotated[int, Field(ge=1, le=65535)]
Name = Annotated[str, Field(max_length=63)]
Names = Annotated[list[Name], Field(max_length=64)]
Hours = Annotated[
    float, Field(ge=0.1, le=MAX_INVITATION_S / 3600, description="How long an invitation can be used.")
]
Spelled = Annotated[str, Field(max_length=300)]

_EXPIRES = "A time such as 2030-12-24T18:00 (of this machine), 12h or 7d from now, or never."
_SINGLE = "One session at a time: a new one ends the old one."


class GrantWish(Body):
    """A port to open for somebody."""

    local_port: Port = Field(description="At the user's end.", examples=[15432])
    host: str = Field(
        default="127.0.0.1",
        max_length=253,
        description="As the server reaches it; 127.0.0.1 is the server itself.",
        examples=["plc-7.plant.lan"],
    )
    port: Port | None = Field(default=None, description="Of that host; as the local one, if left out.")


class GrantDocument(BaseModel):
    """What somebody may reach."""

    local_port: int = Field(description="At the user's end.", examples=[15432])
    host: str = Field(examples=["127.0.0.1"])
    port: int = Field(examples=[5432])
    leaves_server: bool = Field(description="It is a port of another machine than the server.")
    app: str | None = Field(default=None, description="The app that gives it; null: the user's own.")


class OpenConnections(BaseModel):
    """Connections to one target."""

    target: str = Field(examples=["127.0.0.1:5432"])
    open: int = Field(examples=[2])


class SessionDocument(BaseModel):
    """Somebody who is connected now."""

    user: str = Field(examples=["alice"])
    since: float = Field(description="Unix time.", examples=[1798135200])
    connections: list[OpenConnections] = []


class UserDocument(BaseModel):
    """One user."""

    name: str = Field(examples=["alice"])
    let_in: bool
    state: StandingWord = Field(description="How the user stands at the door.")
    online: bool | None = Field(description="null: the server does not run.")
    sessions: list[SessionDocument] = []
    grants: list[GrantDocument] = Field(description="All that the user may reach.")
    apps: list[str] = Field(examples=[["historian"]])
    expires: str | None = Field(
        description="ISO 8601, UTC; null: never.", examples=["2030-12-24T17:00:00+00:00"]
    )
    single_session: bool = Field(description=_SINGLE)
    revision: int = Field(description="Grows when the user's file has to be made again.", examples=[1])
    certificate_ends: str | None = Field(description="ISO 8601; null: there is none yet, or it is damaged.")
    renewal_due: bool = Field(description="The next file has a new certificate.")
    invited_until: str | None = Field(description="ISO 8601, UTC; null: no open invitation.")


class UserDetail(UserDocument):
    """One user, with all that is known."""

    standing: str = Field(description="``state`` in words.", examples=["let in"])
    created_at: str | None = Field(description="ISO 8601, UTC.")
    file: bool = Field(description="There can be a file: false where the keys are on the user's own machine.")


class UserList(BaseModel):
    """The users of this server, by name."""

    users: list[UserDocument]
    total: int = Field(description="Of all users, also those that were not asked for.", examples=[1])
    strangers: list[SessionDocument] = Field(
        default=[], description="Connected, and no users: lines in authorized_keys that a person wrote."
    )
    faults: list[ErrorValue] = Field(default=[], description="Records that cannot be read.")


class UserWish(Body):
    """A user to make."""

    name: str = Field(max_length=63, examples=["alice"])
    grants: list[GrantWish] = Field(default=[], max_length=256)
    apps: Names = Field(default=[], description="Names of apps.", examples=[["historian"]])
    like: Name | None = Field(default=None, description="May do what this user may; the rest adds to it.")
    expires: str | None = Field(default=None, max_length=40, description=_EXPIRES, examples=["7d"])
    single_session: bool | None = Field(default=None, description=_SINGLE)
    invite: bool = Field(
        default=False,
        description="Let the user come by a token, and bring keys of their own, in place of a file.",
    )
    hours: Hours = 24


class UserInvitationWish(Body):
    """How long an invitation can be used."""

    hours: Hours = 24


class UserInvitation(BaseModel):
    """A token, which is told once: whoever has it first is let in."""

    token: str = Field(description="For ``tw connect TOKEN``.", examples=["tw-connect-AQAg..."])
    name: str = Field(examples=["alice"])
    expires: str = Field(description="ISO 8601, UTC.", examples=["2030-12-24T17:00:00+00:00"])


class CreatedUser(BaseModel):
    """The new user."""

    user: UserDetail
    invitation: UserInvitation | None = Field(
        default=None, description="Where one was asked for; else the file is the next thing to hand over."
    )


class UserFileWish(Body):
    """The user's file."""

    passphrase: SecretStr | None = Field(
        default=None,
        min_length=1,
        max_length=1024,
        description="Encrypt the file with it; whoever has an open file gets in.",
    )


class UserEdit(Body):
    """What to change: as the flags of ``tw edit user``. What is taken goes first."""

    no_apps: Names = Field(default=[], description="Apps to take back.")
    revoke: list[Spelled] = Field(
        default=[],
        max_length=256,
        description="Ports to take back: the number at the user's end, or LOCAL:HOST:PORT.",
        examples=[["15432"]],
    )
    apps: Names = Field(default=[], description="Apps to give.", examples=[["historian"]])
    grants: list[GrantWish] = Field(default=[], max_length=256, description="Ports to give.")
    expires: str | None = Field(default=None, max_length=40, description=_EXPIRES, examples=["never"])
    single_session: bool | None = Field(default=None, description=_SINGLE)


class BeforeAfter(BaseModel):
    """A value that changed."""

    before: bool | str | list[str] | None
    after: bool | str | list[str] | None


class Differences(BaseModel):
    """What a change takes and gives; null: as it was."""

    removed: list[GrantDocument]
    added: list[GrantDocument]
    apps: BeforeAfter | None = None
    expires: BeforeAfter | None = None
    single_session: BeforeAfter | None = None


class ChangedUser(BaseModel):
    """What became of one user, or would."""

    name: str = Field(examples=["alice"])
    difference: Differences
    stood: StandingWord = Field(description="Before.")
    stands: StandingWord
    needs_new_file: bool = Field(
        description="The user's file, as it is, does not tell of the ports any more."
    )


class ChangeDocument(ChangedUser):
    """The same of the one that was asked for."""

    changed: bool = Field(description="false: there was nothing to change.")
    dry_run: bool = Field(default=False, description="Nothing was done.")


class AppliedUsers(BaseModel):
    """What became of all users."""

    users: list[ChangedUser] = Field(description="All who were looked at, changed or not.")
    faults: list[ErrorValue] = Field(default=[], description="Records that cannot be read.")
