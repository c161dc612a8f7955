"""How a user stands at the door, and what became of one."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from .user import User

__all__ = ["Change", "Standing"]


class Standing(Enum):
    """How a user stands at the door."""

    LET_IN = "let in"
    DIFFERS = "let in, but not as the record of the user says"
    EXPIRED = "expired"
    INVITED = "invited, and has not come yet"
    UNREGISTERED = "unregistered"
    OUT = "not in authorized_keys"

    @property
    def is_out(self) -> bool:
        """Whether there is no line that could let them in."""
        return self in (Standing.INVITED, Standing.UNREGISTERED, Standing.OUT)


@dataclass(frozen=True, slots=True)
class Change:
    """What became of a user."""

    before: User
    after: User
    stood: Standing
    """Before."""
    stands: Standing

    @property
    def needs_new_file(self) -> bool:
        """Whether the user's own file tells of other ports or targets than are granted now."""
        return self.before.revision != self.after.revision and not self.after.is_awaited
