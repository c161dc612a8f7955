"""What a provider is shown to let us in."""

from __future__ import annotations

from dataclasses import dataclass

from ...base.errors import Misuse
from ...base.values import Secret

__all__ = ["Credentials"]

_MOST_CHARS = 4096
"""Of one part; session tokens of AWS have about a thousand."""


def _check(what: str, text: str) -> None:
    """Only what can stand in a header: below us, libraries put what they refuse into their errors."""
    if not text or len(text) > _MOST_CHARS or not all("!" <= char <= "~" for char in text):
        raise Misuse(
            "bad-argument",
            f"the {what} is empty, or has characters that none has, such as a space",
            hint="give the whole of it, and nothing else",
        )


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a provider is shown; never written anywhere.

    Raises:
        Misuse: ``bad-argument`` for what cannot be one.
    """

    secret: Secret
    """The API token; AWS: the secret access key."""
    key_id: str = ""
    """AWS only: the access key's id."""
    session: Secret | None = None
    """AWS only: the session token of temporary credentials."""

    def __post_init__(self) -> None:
        _check("token or secret key", self.secret.reveal())
        if self.key_id:
            _check("access key's id", self.key_id)
        if self.session is not None:
            _check("session token", self.session.reveal())
