"""Tests that take their time: the way to the relay step by step, and the network on the way there."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from ...base.errors import Misuse
from ...base.values import HostPort
from ...daemon.jobs import Job, Tell, WorkFailed
from ...doctor import Step
from ...operations.network_testing import look_at_network
from ...operations.outcome import Outcome
from ...operations.relay_testing import go_to_relay
from ..house import InHouse, RoleConfig
from ..models.jobs import JobDocument
from ..models.tests import NetworkWish

__all__ = ["NETWORK", "RELAY", "router", "try_network", "try_relay"]

router = APIRouter(tags=["tests"])

RELAY = "test-relay"
"""Kind of the jobs that go the way to the relay."""

NETWORK = "test-network"
"""Kind of the jobs that look at the network."""

_HTTPS = 443
_STATES = {"ok": "done", "note": "info", "failed": "failed", "skipped": "skipped"}
"""Of a check's step, as a job has them."""


@router.post("/tests/relay", status_code=202)
async def try_relay(house: InHouse, config: RoleConfig) -> JobDocument:
    """Go the way to the relay step by step, or look at the relay that this machine is. The job fails with
    the code of the step that ended it."""

    async def work(tell: Tell) -> dict[str, Any]:
        return _result(await go_to_relay(house.profile, config, _steps(tell)))

    title = "the relay" if config.mode == "relay" else "the way to the relay"
    return _shown(house.supervisor.jobs.start(RELAY, title, work))


@router.post("/tests/network", status_code=202)
async def try_network(wish: NetworkWish, house: InHouse) -> JobDocument:
    """Look at the network between this machine and a relay that need not know it. Contacts that relay, the
    proxy of this network, and nobody else. ``result.letter`` is a paragraph for the people who run the
    network, also of a job that failed."""
    profile, host = house.profile, wish.host.strip()
    if host:
        HostPort.parse(host, _HTTPS)
    elif not profile.config.exists():
        raise Misuse(
            "not-set-up", "this machine has no relay of its own yet", hint="name the relay to look for"
        )

    async def work(tell: Tell) -> dict[str, Any]:
        return _result(await look_at_network(profile, host, _steps(tell), silent_s=wish.silence_s))

    title = f"the network to {host or 'the relay'}"
    return _shown(house.supervisor.jobs.start(NETWORK, title, work))


def _steps(tell: Tell) -> Any:
    def step(found: Step) -> None:
        took = "" if found.ms is None else f" ({found.ms:.{0 if found.ms >= 10 else 1}f} ms)"
        tell(found.name, _STATES[found.state.value], f"{found.detail}{took}", found.hint)

    return step


def _result(outcome: Outcome) -> dict[str, Any]:
    found = outcome.to_json()
    if outcome.report.failure is not None:
        raise WorkFailed(outcome.report.failure, found)
    return {**found, "verdict": outcome.verdict}


def _shown(job: Job) -> JobDocument:
    return JobDocument.model_validate(job.to_json())
