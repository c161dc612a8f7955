"""One run: its stacks, started when the first row asks for them, and rounds that alternate."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from .browsing import Browsing
from .line import Figures
from .stacks.bare import Bare
from .stacks.household import ROLES, Household
from .stacks.nested import Nested
from .stacks.ours import Ours
from .stacks.place import Loopback, Place, free_port
from .stacks.plain import OneHop, Plain
from .stacks.processes import Failed, Processes
from .stacks.seed import Seed
from .stacks.stack import Stack, start_service
from .wan import Wan
from .wan import missing as wan_missing

__all__ = ["Session", "alternate"]

_TUNNELS: tuple[type[Stack], ...] = (Ours, Nested, Seed)


class Session:
    """The stacks of one run; a context manager that ends them.

    Args:
        quick: shorter and fewer rounds, for a look.
    """

    def __init__(self, *, quick: bool) -> None:
        self.quick = quick
        self.rounds = 1 if quick else 5
        self.bulk_s = 1.0 if quick else 3.0
        self.wan: Wan | None = None
        self._exits = ExitStack()
        self._loopback: dict[str, Stack] | None = None
        self._wan_stacks: dict[str, Stack] | None = None
        self._household: Household | None = None
        self._browsing: Browsing | None = None

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self._exits.close()

    def loopback(self) -> dict[str, Stack]:
        """All stacks that this machine can run, on loopback."""
        if self._loopback is None:
            self._loopback = self._start(Loopback(), (*_TUNNELS, Plain))
        return self._loopback

    def ours(self) -> Stack:
        """Ours alone, on loopback."""
        if self._loopback is None:
            self._loopback = self._start(Loopback(), (Ours,))
        return self._loopback["ours"]

    def household(self) -> Household:
        """A relay with 200 servers, a server with 500 users, a client: each with its dashboard."""
        if self._household is None:
            self._household = self._exits.enter_context(Household(users=500, tenants=200))
        return self._household

    def browsing(self) -> Browsing:
        """A browser, logged in to all dashboards of the household."""
        if self._browsing is None:
            self._browsing = self._exits.enter_context(Browsing())
            for role in ROLES:
                self._browsing.log_in(self.household().daemons[role])
        return self._browsing

    @contextmanager
    def bare(self) -> Iterator[Stack]:
        """TLS forwarders on loopback, for as long as the context lasts."""
        with Session(quick=self.quick) as other:
            yield other._start(Loopback(), (Bare,))["bare"]

    def over_wan(self) -> dict[str, Stack]:
        """The same in namespaces with 15 ms to the relay each way, and plain TCP over the whole path
        and over one hop; empty if this machine has no namespaces."""
        if self._wan_stacks is None:
            self._wan_stacks = {}
            if not self.wan_lacks():
                self.wan = self._exits.enter_context(Wan(delay_ms=15))
                self._wan_stacks = self._start(self.wan, (*_TUNNELS, Plain, OneHop))
        return self._wan_stacks

    @staticmethod
    def wan_lacks() -> str:
        """Why there is no WAN here; empty if there is."""
        return wan_missing()

    @contextmanager
    def without_delay(self, buffer_bytes: int) -> Iterator[Stack]:
        """Ours alone over links of the same rate without delay, for as long as the context lasts."""
        with ExitStack() as exits, Session(quick=self.quick) as other:
            wan = exits.enter_context(Wan(delay_ms=0))
            if buffer_bytes:
                wan.set_buffers(buffer_bytes)
            yield other._start(wan, (Ours,))["ours"]

    def _start(self, place: Place, kinds: Sequence[type[Stack]]) -> dict[str, Stack]:
        directory = Path(self._exits.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        services = self._exits.enter_context(Processes(place, directory))
        port = free_port()
        own = isinstance(place, Loopback)
        start_service(services, "server", "127.0.0.1" if own else "0.0.0.0", port)
        if not own:
            start_service(services, "relay", "0.0.0.0", port)
        stacks: dict[str, Stack] = {}
        for kind in kinds:
            if reason := kind.missing():
                print(f"bench: no {kind.name}: {reason}", file=sys.stderr)
            else:
                stacks[kind.name] = self._exits.enter_context(kind(place, port))
        return stacks


def alternate(stacks: dict[str, Stack], rounds: int, measure: Callable[[Stack], float]) -> Figures:
    """Each stack once per round, in turn, so that a noisy neighbour meets all of them.

    A stack that fails is started anew for its next round; its figures lack this one.

    Raises:
        Failed: ours failed, or another one each time.
    """
    figures: dict[str, list[float]] = {name: [] for name in stacks}
    for _ in range(rounds):
        for name, stack in stacks.items():
            try:
                figures[name].append(measure(stack))
            except Failed as exc:
                if name == "ours":
                    raise
                print(f"bench: {exc}", file=sys.stderr)
                stack.restart()
    if lacking := [name for name, values in figures.items() if not values]:
        raise Failed(f"no round of {', '.join(lacking)} came to its end")
    return figures
