"""The dashboard's own door."""

from __future__ import annotations

from pydantic import BaseModel, Field

from .body import Body

__all__ = ["DashboardDocument", "DashboardWish"]


class DashboardWish(Body):
    """Where browsers are to come, where no port is open yet."""

    host: str = Field(default="127.0.0.1", max_length=253)
    port: int = Field(default=8080, ge=0, le=65535, description="0: any that is free.")


class DashboardDocument(BaseModel):
    """Where it is."""

    url: str = Field(examples=["http://127.0.0.1:8080"])
    login: str = Field(
        description="Lets one browser in, once, within ten minutes.",
        examples=["http://127.0.0.1:8080/login?token=..."],
    )
    fingerprint: str = Field(default="", description="SHA-256 of a certificate that was made here.")
