"""What a page has to say once, after the form before it: ``alice was created``."""

from __future__ import annotations

from collections import OrderedDict

from ..base.limits import MAX_NOTICE_OWNERS, MAX_NOTICES

__all__ = ["Notices"]


class Notices:
    """By key of the gate, in memory, bounded."""

    def __init__(self) -> None:
        self._waiting: OrderedDict[str, list[tuple[str, str]]] = OrderedDict()

    def add(self, owner: str, kind: str, words: str) -> None:
        """To be shown on this owner's next page.

        Args:
            kind: ``good`` or ``bad``.
        """
        kept = self._waiting.setdefault(owner, [])
        kept.append((kind, words))
        del kept[:-MAX_NOTICES]
        self._waiting.move_to_end(owner)
        while len(self._waiting) > MAX_NOTICE_OWNERS:
            self._waiting.popitem(last=False)

    def take(self, owner: str) -> list[tuple[str, str]]:
        """All of them, once."""
        return self._waiting.pop(owner, [])
