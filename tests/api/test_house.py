"""How often the role is asked."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

from tunnel_whisperer.api.house import House
from tunnel_whisperer.base.log_ring import LogRing
from tunnel_whisperer.daemon.supervisor import Supervisor
from tunnel_whisperer.profile import Contexts, Profile


class _Asked:
    def __init__(self, directory: Path) -> None:
        self.times = 0
        self.contexts = Contexts(directory)
        self.profile = Profile(directory)

    def snapshot(self) -> dict[str, Any]:
        self.times += 1
        return {"times": self.times}


def test_many_pages_at_once_cause_one_look(tmp_path: Path) -> None:
    now = [10.0]
    asked = _Asked(tmp_path)
    house = House(cast(Supervisor, asked), LogRing(), clock=lambda: now[0])
    assert [house.live() for _ in range(50)] == [{"times": 1}] * 50
    now[0] += 0.3
    assert house.live() == {"times": 2}
    assert house.profile.directory == house.contexts.base == tmp_path
