"""The audit record."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from .body import Body

__all__ = ["AuditDocument", "RecordDocument", "VerifyWish"]


class RecordDocument(BaseModel):
    """One record, as it is on disk."""

    seq: int = Field(description="From 1, without a gap.", examples=[17])
    time: str = Field(description="ISO 8601, UTC.", examples=["2026-12-24T18:00:00.000Z"])
    event: str = Field(description="See the reference of the audit record.", examples=["login"])
    who: str = Field(examples=["user:alice"])
    fields: dict[str, Any] = Field(description="By event; see the reference.")
    prev: str = Field(description="SHA-256 of the record before it, in hex.")
    hash: str = Field(description="SHA-256 of this one.")


class AuditDocument(BaseModel):
    """Some records, the newest first."""

    records: list[RecordDocument]
    before: int | None = Field(
        description="Ask with this to go on to older ones; null: there are none.", examples=[17]
    )
    lost: int = Field(
        description="Records that could not be written, and wait to be told as a gap.", examples=[0]
    )


class VerifyWish(Body):
    """What is to be checked besides the chain itself."""

    contains: str = Field(
        default="",
        pattern="^([0-9a-fA-F]{64})?$",
        max_length=64,
        description="A hash that was noted earlier: its record must be there, and so all before it.",
        examples=["7f83b1657ff1fc53b92dc18148a1d65dfc2d4b1fa3d677284addd200126d9069"],
    )
