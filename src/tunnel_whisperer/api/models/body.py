"""What every body of a request has in common."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

__all__ = ["Body"]


class Body(BaseModel):
    """A misspelt field is refused: it would be a wish that nobody hears."""

    model_config = ConfigDict(extra="forbid")
