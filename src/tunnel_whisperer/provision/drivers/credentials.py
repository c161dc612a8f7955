"""What a provider is shown to let us in."""

from __future__ import annotations

from dataclasses import dataclass

from ...base.values import Secret

__all__ = ["Credentials"]


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a provider is shown; never written anywhere."""

    secret: Secret
    """The API token; AWS: the secret access key."""
    key_id: str = ""
    """AWS only: the access key's id."""
    session: Secret | None = None
    """AWS only: the session token of temporary credentials."""
