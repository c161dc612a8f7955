"""Each page of each role in a browser: 500 users of which 50 are there, 200 servers at the relay."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable

from bench.browsing import Browsing, Opened
from bench.line import Line, at_most, judged
from bench.session import Session
from bench.stacks.household import ROLES, Daemon, Household
from bench.stacks.place import free_port

__all__ = ["measure"]

_ONLINE = 50
_ALLOWED_MS = 1000.0
_SEARCHES = (("server", "/users", "user-49", "users"), ("relay", "/servers", "plant-19", "servers"))
"""Role, page, what is typed, and the part that changes."""


def measure(session: Session) -> list[Line]:
    """Milliseconds of a first visit, with an empty cache, until the page can be used and follows changes."""
    house, browsing = session.household(), session.browsing()
    rounds = 1 if session.quick else 3
    lines = []
    with house.crowd(_ONLINE, every_s=3600):
        for role in ROLES:
            daemon = house.daemons[role]
            lines += [
                _page(role, path, [browsing.open(daemon, path) for _ in range(rounds)])
                for path in browsing.pages_of(daemon)
            ]
        for role, path, words, part in _SEARCHES:
            seen = [browsing.search(house.daemons[role], path, words, part) for _ in range(rounds)]
            note = f"longest task {statistics.median(x.longest for x in seen):.0f} ms"
            figures = {"ours": [x.after for x in seen]}
            bar = at_most(1.0, "1 s")
            lines.append(judged(f"search {path}", "ms", figures, bar, base=_ALLOWED_MS, note=note))
        lines.append(_beside_a_file(house, browsing, rounds))
    return lines


def _page(role: str, path: str, seen: list[Opened]) -> Line:
    def middle(what: Callable[[Opened], float]) -> float:
        return statistics.median(map(what, seen))

    note = (
        f"scripts done {middle(lambda x: x.interactive):.0f} ms, live {middle(lambda x: x.live):.0f} ms,"
        f" longest task {middle(lambda x: x.longest):.0f} ms, {middle(lambda x: x.html_bytes) / 1e3:.0f} KB"
        f" of HTML, {middle(lambda x: x.nodes):.0f} elements"
    )
    figures = {"ours": [max(x.interactive, x.live) for x in seen]}
    return judged(f"{role} {path}", "ms", figures, at_most(1.0, "1 s"), base=_ALLOWED_MS, note=note)


def _beside_a_file(house: Household, browsing: Browsing, rounds: int) -> Line:
    """The users' page, and the same bytes as a file."""
    daemon, port = house.daemons["server"], free_port()
    browsing.save(daemon, "/users", house.directory / "still")
    words = [sys.executable, str(house.STILL), str(house.directory / "still"), str(port)]
    process = house.processes.start("client", "still", words, "Uvicorn running")
    still = Daemon("still", process, f"http://127.0.0.1:{port}/login?token=none")
    figures: dict[str, list[float]] = {"ours": [], "static": []}
    for _ in range(rounds):
        figures["ours"].append(browsing.open(daemon, "/users").interactive)
        figures["static"].append(browsing.open(still, "/", follows=False).interactive)
    house.processes.stop(process)
    medians = {name: statistics.median(values) for name, values in figures.items()}
    ratio = medians["ours"] / medians["static"]
    note = "static: the same bytes as files, served by uvicorn alone"
    return Line("server /users, scripts done", "ms", medians, ratio, note=note, rounds=figures)
