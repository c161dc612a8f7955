"""The identities of a machine."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field, SecretStr

from .body import Body
from .jobs import ErrorValue

__all__ = [
    "ContextDocument",
    "ContextList",
    "ContextName",
    "ContextSwitched",
    "DeletedDocument",
    "ExportWish",
    "ImportedDocument",
    "LossDocument",
    "RunningValue",
]

Name = Field(
    min_length=1, max_length=63, description="Lower-case letters, digits, ``. _ -``.", examples=["plant-7"]
)


class RunningValue(BaseModel):
    """The process that serves an identity."""

    pid: int | None = Field(description="null: it has not said so yet.", examples=[4711])
    command: str = Field(examples=["tw serve"])
    since: str | None = Field(description="ISO 8601.", examples=["2026-07-14T09:30:00+00:00"])


class ContextDocument(BaseModel):
    """One identity of this machine."""

    id: str = Field(description="Never changes.", examples=["5f0c2a"])
    name: str = Field(examples=["plant-7"])
    role: Literal["relay", "server", "client"] | None = Field(
        description="null: none yet, or config.yaml cannot be read."
    )
    what: str = Field(description="In words.", examples=["a server of relay.example.org"])
    relay: str | None = Field(examples=["relay.example.org"])
    directory: str = Field(examples=["/etc/tw/config"])
    created: str | None = Field(description="ISO 8601.", examples=["2026-07-14T09:30:00+00:00"])
    active: bool = Field(description="Commands work on it, where they name no other.")
    here: bool = Field(description="It is the one that this process serves.")
    running: RunningValue | None = Field(description="The process that serves it, this one included.")
    fault: str | None = Field(default=None, description="Why nothing is known of it.")


class ContextList(BaseModel):
    """All of them, by name."""

    contexts: list[ContextDocument]
    faults: list[ErrorValue] = Field(default=[], description="What is damaged.")
    pinned: bool = Field(description="This process serves one identity and no other.")


class ContextName(Body):
    """What to call it."""

    name: str = Name


class ContextSwitched(BaseModel):
    """From one identity to another."""

    context: ContextDocument
    before: str | None = Field(description="Name of the one of before.", examples=["plant-7"])
    ended: bool = Field(description="Whether the role of the one of before ran here, and was ended.")


class LossDocument(BaseModel):
    """What deleting it would do."""

    name: str
    what: str = Field(examples=["a server of relay.example.org, 3 users"])
    words: list[str] = Field(examples=[["Its keys and records are lost for good."]])
    last: bool = Field(description="It is the only one: tw begins from the start.")


class DeletedDocument(BaseModel):
    """What is left to do."""

    name: str
    slot: str | None = Field(
        description="Id of the server that it was: its relay still has a slot for it.", examples=["plant-7"]
    )
    last: bool


class ExportWish(Body):
    """How its file is to be."""

    passphrase: SecretStr | None = Field(
        default=None, min_length=1, max_length=1024, description="The file is encrypted with it."
    )


class ImportedDocument(BaseModel):
    """What became of a file."""

    outcome: Literal["imported", "updated", "newer-here"]
    words: str = Field(examples=["imported"])
    role: Literal["relay", "server", "client"]
    context: ContextDocument
