"""What a check found, as values; and the walk that takes one step after the other.

A check is a coroutine that returns ``Found`` or raises a TwError with the next thing to try. The
walk measures it and tells of it at once, for the next step may take its time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from enum import Enum
from typing import Generic, TypeVar

from ..base.errors import TwError

__all__ = ["Found", "Report", "State", "Step", "Tell", "Walk"]

T = TypeVar("T")


class State(Enum):
    """How a step went."""

    OK = "ok"
    NOTE = "note"
    """It works, or another way does; somebody may want to know."""
    FAILED = "failed"
    SKIPPED = "skipped"
    """Not tried, which is neither good nor bad."""


@dataclass(frozen=True, slots=True)
class Found(Generic[T]):
    """A check that went well."""

    value: T
    """For the steps behind it."""
    detail: str
    """What was seen, in words."""
    note: str = ""
    """What to know or do about it; empty where all is as it should be."""
    began: float | None = None
    """Loop time at which the thing itself began, when something else had to come first."""
    measured: bool = True
    """Whether the time that it took means anything."""


@dataclass(frozen=True, slots=True)
class Step:
    """One line of a report."""

    name: str
    state: State
    detail: str
    ms: float | None = None
    """How long it took; None when nothing was tried."""
    code: str = ""
    """Of the error, when there was one."""
    hint: str = ""
    """The next thing to try; empty where there is nothing to do."""

    def to_json(self) -> dict[str, object]:
        """For programs."""
        return {
            "name": self.name,
            "state": self.state.value,
            "ms": None if self.ms is None else round(self.ms, 1),
            "detail": self.detail,
            "code": self.code,
            "hint": self.hint,
        }


Tell = Callable[[Step], None]
"""Told each step when it is done."""


@dataclass(frozen=True, slots=True)
class Report:
    """A whole walk."""

    steps: tuple[Step, ...]
    failure: TwError | None = None
    """Why it ended before its end."""

    def step(self, name: str) -> Step | None:
        """The step of that name, if the walk came so far."""
        return next((step for step in self.steps if step.name == name), None)


class Walk:
    """Steps in a row.

    Args:
        tell: see ``Tell``.
    """

    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self._loop = asyncio.get_running_loop()
        self._steps: list[Step] = []

    async def step(self, name: str, check: Awaitable[Found[T]]) -> T:
        """Take one step; returns what it found.

        Raises:
            TwError: it failed, which has been told.
        """
        began = self._loop.time()
        try:
            return await self._take(name, check)
        except TwError as exc:
            self.add(failed(name, exc, (self._loop.time() - began) * 1000))
            raise

    async def attempt(self, name: str, check: Awaitable[Found[T]], hint: str = "") -> T | TwError:
        """The same where another way may do: what is wrong is noted, and returned.

        Args:
            hint: says more than the error's own.
        """
        began = self._loop.time()
        try:
            return await self._take(name, check)
        except TwError as exc:
            step = failed(name, exc, (self._loop.time() - began) * 1000, State.NOTE)
            self.add(replace(step, hint=hint or step.hint))
            return exc

    async def _take(self, name: str, check: Awaitable[Found[T]]) -> T:
        began = self._loop.time()
        found = await check
        ms = None
        if found.measured:
            ms = (self._loop.time() - (began if found.began is None else found.began)) * 1000
        self.add(Step(name, State.NOTE if found.note else State.OK, found.detail, ms, hint=found.note))
        return found.value

    def add(self, step: Step) -> None:
        """A step that was taken elsewhere, or not at all."""
        self._steps.append(step)
        self._tell(step)

    def skip(self, name: str, why: str) -> None:
        """A step that is not taken, and why."""
        self.add(Step(name, State.SKIPPED, why))

    def report(self, failure: TwError | None = None) -> Report:
        """What it came to."""
        return Report(tuple(self._steps), failure)


def failed(name: str, error: TwError, ms: float | None, state: State = State.FAILED) -> Step:
    """The line of a step that went wrong."""
    return Step(name, state, str(error), ms, error.code, error.hint)
