"""Running coroutines from callbacks, named and accounted for.

``asyncio.create_task`` is banned elsewhere: a task that nobody holds is a task that nobody
cancels, and whose exception nobody reads.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Iterator
from typing import Any

__all__ = ["TaskSet"]


class TaskSet:
    """The tasks of one object; ``cancel`` ends them all, and their failures are logged."""

    def __init__(self, name: str, log: logging.Logger | logging.LoggerAdapter[Any]) -> None:
        self._name = name
        self._log = log
        self._tasks: set[asyncio.Task[Any]] = set()

    def __len__(self) -> int:
        return len(self._tasks)

    def __iter__(self) -> Iterator[asyncio.Task[Any]]:
        return iter(tuple(self._tasks))

    def spawn(self, coro: Coroutine[Any, Any, Any], name: str) -> asyncio.Task[Any]:
        """Start ``coro`` now; it is cancelled by :meth:`cancel` if it still runs then."""
        task = asyncio.get_running_loop().create_task(coro, name=f"{self._name}/{name}")
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (exc := task.exception()) is not None:
            self._log.error("task %s failed: %s", task.get_name(), exc, exc_info=exc)

    def cancel(self) -> None:
        """Ask all tasks to end."""
        for task in list(self._tasks):
            task.cancel()

    async def drain(self) -> None:
        """Cancel all tasks and wait until they have ended."""
        self.cancel()
        if self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)
