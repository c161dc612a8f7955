"""How often the role is asked."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any, cast, get_args

from tunnel_whisperer.api.house import House, InHouse
from tunnel_whisperer.base.log_ring import LogRing
from tunnel_whisperer.daemon.supervisor import Supervisor
from tunnel_whisperer.profile import Contexts, Profile


class _Asked:
    def __init__(self, directory: Path) -> None:
        self.times = 0
        self.root: object = None
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


def test_what_an_ended_role_told_is_not_told_of_the_next_one(tmp_path: Path) -> None:
    asked = _Asked(tmp_path)
    house = House(cast(Supervisor, asked), LogRing(), clock=lambda: 10.0)
    assert house.live() == {"times": 1}
    asked.root = object()
    assert house.live() == house.live() == {"times": 2}


def test_a_request_needs_no_thread_before_it_is_known_what_it_wants() -> None:
    (dependency,) = get_args(InHouse)[1:]
    assert inspect.iscoroutinefunction(dependency.dependency)
