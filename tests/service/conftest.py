from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from tunnel_whisperer.service import ServicePlan
from tunnel_whisperer.service.manager import Ran


class Programs:
    """The system's programs: what they are asked, and what they say."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.answers: dict[str, Ran] = {}
        """By the beginning of the command line; everything else succeeds."""

    def __call__(self, argv: Sequence[str]) -> Ran:
        line = " ".join(argv)
        self.asked.append(line)
        for beginning, answer in self.answers.items():
            if line.startswith(beginning):
                return answer
        return Ran(0, "", "")


@pytest.fixture
def programs() -> Programs:
    return Programs()


@pytest.fixture
def plan() -> ServicePlan:
    """A relay's, as a service of the system."""
    return ServicePlan(
        "tw",
        "Tunnel Whisperer: relay relay.test",
        ("/opt/tw/bin/tw", "relay", "run", "--config-dir", "/etc/tw/config", "--context", "base"),
        Path("/etc/tw/config"),
        system=True,
        account="tw",
        low_ports=True,
        code=(Path("/opt/tw/bin/python"), Path("/usr/bin/python3.11")),
    )
