"""Long work that goes on while nobody looks: its steps, its end, and what came out of it.

The last ones stay to be looked at. They live in memory: work that must survive a restart of the
process keeps its own state on disk, and is begun again.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from ..base.errors import Broken, Misuse, TwError
from ..base.limits import MAX_JOB_STEPS, MAX_JOBS
from ..base.redact import redact
from ..base.tasks import TaskSet
from .snapshot import error_value

__all__ = ["Job", "JobState", "JobStep", "Jobs", "Tell", "Work", "WorkFailed"]

_log = logging.getLogger("tw.daemon.jobs")


class JobState(StrEnum):
    """How long work stands."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class JobStep:
    """One thing that was done, or is waited for."""

    id: str
    """The part of the work; a later step of the same part takes the place of one that waits."""
    state: str
    """``started``, ``waiting``, ``done``, ``failed``, ``skipped`` or ``info``."""
    words: str
    at: float
    """Unix time."""
    hint: str = ""
    """What to do about it."""

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "id": self.id,
            "state": self.state,
            "words": self.words,
            "at": round(self.at, 3),
            "hint": self.hint,
        }


class WorkFailed(Exception):
    """Work that failed, and has something to show all the same.

    Args:
        error: why.
        result: what came out of it.
    """

    def __init__(self, error: TwError, result: Mapping[str, Any]) -> None:
        super().__init__(str(error))
        self.error = error
        self.result = result


_OPEN = ("started", "waiting")


@dataclass(slots=True)
class Job:
    """One piece of long work."""

    id: str
    kind: str
    """What it is: ``relay-make``, ``test-relay`` ..; two of one kind do not run at once."""
    title: str
    """For people."""
    started: float
    """Unix time."""
    state: JobState = JobState.RUNNING
    steps: list[JobStep] = field(default_factory=list)
    result: dict[str, Any] = field(default_factory=dict)
    """What the work returned."""
    error: TwError | None = None
    ended: float | None = None
    version: int = 0
    """Grows with every change."""

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "id": self.id,
            "kind": self.kind,
            "title": self.title,
            "state": self.state.value,
            "started": round(self.started, 3),
            "ended": None if self.ended is None else round(self.ended, 3),
            "steps": [step.to_json() for step in self.steps],
            "result": self.result,
            "error": error_value(self.error),
            "version": self.version,
        }

    def add(self, step: JobStep) -> None:
        """The next step; what was waited for is over when its part goes on."""
        for number in range(len(self.steps) - 1, -1, -1):
            last = self.steps[number]
            if last.id == step.id:
                if last.state in _OPEN:
                    self.steps[number] = step
                    self.version += 1
                    return
                break
        self.steps.append(step)
        if len(self.steps) > MAX_JOB_STEPS:  # the first ones tell what it is about
            del self.steps[MAX_JOB_STEPS // 2]
        self.version += 1


Tell = Callable[..., None]
"""``tell(id, state, words, hint="")``; may be called from any thread."""

Work = Callable[[Tell], Awaitable[Mapping[str, Any] | None]]


class Jobs:
    """The long work of one process; belongs to one event loop.

    Args:
        changed: told whenever a job has news.
    """

    def __init__(
        self, changed: Callable[[], None] = lambda: None, *, wall_clock: Callable[[], float] = time.time
    ) -> None:
        self._changed = changed
        self._wall_clock = wall_clock
        self._jobs: dict[str, Job] = {}
        self._running: dict[str, asyncio.Task[Any]] = {}
        self._tasks = TaskSet("job", _log)

    def start(self, kind: str, title: str, work: Work) -> Job:
        """Begin; must be called on the loop.

        Raises:
            Misuse: ``already-running`` while another of that kind runs, ``too-many``.
        """
        for job in self._jobs.values():
            if job.kind == kind and job.state is JobState.RUNNING:
                raise Misuse("already-running", f"{job.title} is under way", hint="wait for it, or cancel it")
        self._make_room()
        job = Job(secrets.token_hex(6), kind, title, self._wall_clock())
        self._jobs[job.id] = job
        self._running[job.id] = self._tasks.spawn(self._work(job, work), kind)
        self._changed()
        return job

    def all(self) -> list[Job]:
        """The newest first."""
        return sorted(self._jobs.values(), key=lambda job: job.started, reverse=True)

    def get(self, job_id: str) -> Job:
        """One of them.

        Raises:
            Misuse: ``no-such-name``.
        """
        try:
            return self._jobs[job_id]
        except KeyError:
            raise Misuse(
                "no-such-name", "there is no such job (any more)", hint="jobs end with the process"
            ) from None

    def latest(self, kind: str) -> Job | None:
        """The newest of one kind."""
        return next((job for job in self.all() if job.kind == kind), None)

    def cancel(self, job_id: str) -> Job:
        """Ask it to stop; what it did so far stays.

        Raises:
            Misuse: ``no-such-name``.
        """
        job = self.get(job_id)
        if (task := self._running.get(job_id)) is not None:
            task.cancel()
        return job

    async def close(self) -> None:
        """Cancel all of it, and wait."""
        await self._tasks.drain()

    def _make_room(self) -> None:
        over = [job for job in self._jobs.values() if job.state is not JobState.RUNNING]
        over.sort(key=lambda job: job.started)
        while len(self._jobs) >= MAX_JOBS and over:
            del self._jobs[over.pop(0).id]
        if len(self._jobs) >= MAX_JOBS:
            raise Misuse("too-many", f"{MAX_JOBS} jobs run already", hint="wait for one to end")

    async def _work(self, job: Job, work: Work) -> None:
        loop = asyncio.get_running_loop()

        def take(step: JobStep) -> None:
            if job.ended is None:  # a thread may not have heard that it is over
                job.add(step)
                self._changed()

        def tell(part: str, state: str, words: str, hint: str = "") -> None:
            step = JobStep(part, state, redact(words), self._wall_clock(), redact(hint))
            if _on(loop):
                take(step)
            elif not loop.is_closed():
                loop.call_soon_threadsafe(take, step)

        try:
            job.result = dict(await work(tell) or {})
            await asyncio.sleep(0)  # what threads told last comes before the end
            job.state = JobState.DONE
        except asyncio.CancelledError:
            job.state = JobState.CANCELLED
            raise
        except TwError as exc:
            job.state, job.error = JobState.FAILED, exc
        except WorkFailed as exc:
            job.state, job.error, job.result = JobState.FAILED, exc.error, dict(exc.result)
        except Exception as exc:  # noqa: BLE001 - whoever comes back to it must see it
            _log.exception("%s failed unexpectedly", job.kind)
            job.state, job.error = JobState.FAILED, Broken("internal", f"{type(exc).__name__}: {exc}")
        finally:
            job.ended = self._wall_clock()
            job.version += 1
            self._running.pop(job.id, None)
            self._changed()


def _on(loop: asyncio.AbstractEventLoop) -> bool:
    try:
        return asyncio.get_running_loop() is loop
    except RuntimeError:
        return False
