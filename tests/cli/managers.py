"""A service manager in memory."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tunnel_whisperer.operations import service_acts
from tunnel_whisperer.service import ServicePlan, ServiceState

__all__ = ["FakeManager", "fake_manager"]


class FakeManager:
    """See ``Manager``."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.state = ServiceState("systemd --user", "tw", installed=False, says="inactive (dead)")

    def render(self, plan: ServicePlan) -> str:
        return f"[Service]\nExecStart={' '.join(plan.command)}\n"

    def install(self, plan: ServicePlan) -> None:
        self.done.append("install")
        self.state = replace(self.state, installed=True, enabled=True)

    def start(self, plan: ServicePlan) -> None:
        self.done.append("start")
        self.state = replace(self.state, running=True, says="active (running)")

    def stop(self, plan: ServicePlan) -> None:
        self.done.append("stop")

    def uninstall(self, plan: ServicePlan) -> None:
        self.done.append("uninstall")

    def status(self, plan: ServicePlan) -> ServiceState:
        return self.state

    def log_command(self, plan: ServicePlan) -> str:
        return "look here"


def fake_manager(monkeypatch: pytest.MonkeyPatch) -> FakeManager:
    """Commands meet this one."""
    manager = FakeManager()
    monkeypatch.setattr(service_acts, "_manager", lambda system: manager)
    return manager
