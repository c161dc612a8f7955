"""Who is cut when connections hold too much memory between them.

A window bounds one connection, and a thousand windows bound nothing. So whoever carries connections
for several parties looks at what is held now and then, and makes room at the cost of who holds most.
"""

from __future__ import annotations

import heapq
from collections.abc import Hashable, Iterable, Mapping
from typing import Protocol, TypeVar

__all__ = ["Holder", "whom_to_cut"]


class Holder(Protocol):
    """A connection."""

    @property
    def held_bytes(self) -> int:
        """Bytes of it that wait in this process."""


K = TypeVar("K", bound=Hashable)
H = TypeVar("H", bound=Holder)


def whom_to_cut(groups: Mapping[K, Iterable[H]], *, per_group: int, total: int) -> list[H]:
    """The connections whose end brings each group, and all together, below their limits.

    Args:
        groups: connections by the party that they are carried for.
        per_group: bytes.
        total: bytes.
    """
    cut: list[H] = []
    waiting: list[tuple[int, int, list[tuple[int, H]]]] = []  # heap of groups, the largest first
    held_by_all = 0
    for number, connections in enumerate(groups.values()):
        sized = sorted(((x.held_bytes, x) for x in connections), key=lambda pair: pair[0])
        held = sum(size for size, _ in sized)
        while held > per_group:
            size, largest = sized.pop()
            held -= size
            cut.append(largest)
        if held:
            waiting.append((-held, number, sized))
            held_by_all += held
    heapq.heapify(waiting)
    while held_by_all > total:
        negative, number, sized = heapq.heappop(waiting)
        size, largest = sized.pop()
        held_by_all -= size
        cut.append(largest)
        if sized:
            heapq.heappush(waiting, (negative + size, number, sized))
    return cut
