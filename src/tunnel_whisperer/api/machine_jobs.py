"""The long work at a relay's machine: one piece at a time, for each of them changes the same machine."""

from __future__ import annotations

from typing import Any

from ..base.errors import Misuse
from ..daemon.jobs import Job, JobState, Tell, Work
from ..operations.relay_machine import bring_to_machine
from ..operations.steps import DONE, STARTED
from ..profile import Config
from .house import House
from .models.jobs import JobDocument

__all__ = [
    "CHANGE",
    "DESTROY",
    "MAKE",
    "OWN_SERVER",
    "SSH",
    "job_document",
    "last_at_machine",
    "need_idle_machine",
    "start_at_machine",
    "start_change",
]

MAKE, CHANGE, SSH = "relay-make", "relay-machine", "relay-ssh"
DESTROY, OWN_SERVER = "relay-destroy", "relay-server"
"""Kinds of jobs."""

_KINDS = frozenset((MAKE, CHANGE, SSH, DESTROY, OWN_SERVER))


def last_at_machine(house: House) -> Job | None:
    """The newest of them, running or over; None: this process knows of none."""
    return next((job for job in house.supervisor.jobs.all() if job.kind in _KINDS), None)


def need_idle_machine(house: House) -> None:
    """Refuse a change while another one is under way.

    Raises:
        Misuse: ``already-running``.
    """
    for job in house.supervisor.jobs.all():
        if job.kind in _KINDS and job.state is JobState.RUNNING:
            raise Misuse("already-running", f"{job.title} is under way", hint="wait for it, or cancel it")


def start_at_machine(house: House, kind: str, title: str, work: Work) -> Job:
    """Begin; on the loop.

    Raises:
        Misuse: ``already-running``, ``too-many``.
    """
    need_idle_machine(house)
    return house.supervisor.jobs.start(kind, title, work)


def start_change(house: House, config: Config, title: str) -> Job:
    """Make the machine as this context has it.

    Raises:
        Misuse: ``already-running``, ``too-many``.
    """
    profile = house.profile

    async def work(tell: Tell) -> dict[str, Any]:
        tell("machine", STARTED, f"going to {config.relay.domain}")
        changed = await bring_to_machine(profile, config, lambda words: tell("machine", STARTED, words))
        tell("machine", DONE, "changed" if changed else "as it should be")
        return {"changed": changed}

    return start_at_machine(house, CHANGE, title, work)


def job_document(job: Job) -> JobDocument:
    """As the API tells it."""
    return JobDocument.model_validate(job.to_json())
