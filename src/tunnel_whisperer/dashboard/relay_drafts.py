"""What somebody is ordering, removing or opening at a provider, from one page to the next.

A provider's credentials are in it, so it is in memory alone, belongs to one browser, and is gone after
its last step, or when nobody went on for a while.
"""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass, field

from pydantic import SecretStr

from ..api.models.relay import OfferDocument, PlanDocument, RemovalDocument
from ..base.errors import Misuse
from ..base.limits import MAX_RELAY_DRAFTS, RELAY_DRAFT_S

__all__ = ["Draft", "Drafts"]


@dataclass(slots=True)
class Draft:
    """One of them."""

    id: str
    owner: str
    domain: str
    provider: str
    region: str = ""
    size: str = ""
    ssh_open: bool | None = None
    credentials: dict[str, SecretStr] = field(default_factory=dict, repr=False)
    """Tried already; empty: not yet."""
    offer: OfferDocument | None = None
    plan: PlanDocument | None = None
    """Shown, to be agreed to."""
    removal: RemovalDocument | None = None
    """The same of a removal."""


class Drafts:
    """All of one process; on its event loop."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[Draft, asyncio.TimerHandle]] = {}

    def __len__(self) -> int:
        return len(self._kept)

    def make(self, owner: str, domain: str, provider: str) -> Draft:
        """A new one; the oldest makes room.

        Args:
            owner: of the pages, see ``Page.owner``.
        """
        while len(self._kept) >= MAX_RELAY_DRAFTS:
            self.drop(next(iter(self._kept)))
        draft = Draft(secrets.token_urlsafe(12), owner, domain, provider)
        self._keep(draft)
        return draft

    def get(self, owner: str, draft_id: str) -> Draft:
        """One of this owner, who has time for the next step from now on.

        Raises:
            Misuse: ``no-such-name``.
        """
        kept = self._kept.get(draft_id)
        if kept is None or kept[0].owner != owner:
            raise Misuse(
                "no-such-name",
                "this was begun too long ago, or is over already",
                hint="begin again on the page Relay machine; nothing is lost that was made",
            )
        self.drop(draft_id)
        self._keep(kept[0])
        return kept[0]

    def drop(self, draft_id: str) -> None:
        """Forget it."""
        kept = self._kept.pop(draft_id, None)
        if kept is not None:
            kept[1].cancel()

    def _keep(self, draft: Draft) -> None:
        end = asyncio.get_running_loop().call_later(RELAY_DRAFT_S, self.drop, draft.id)
        self._kept[draft.id] = (draft, end)
