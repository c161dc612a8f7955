"""Whether this client's file is older than what the server's record says; asked once per session."""

from __future__ import annotations

import logging
from collections.abc import Callable

from ..base.errors import TwError
from ..base.services import ABOUT
from ..base.tasks import TaskSet
from ..ssh.keeper import KeeperState, KeeperStatus
from ..ssh.service import ask
from ..ssh.session import ClientSession
from ..tenancy import AboutAnswer, about_question, read_answer

__all__ = ["Freshness"]

_log = logging.getLogger("tw")


class Freshness:
    """Says it once per newer record.

    Args:
        revision: of this client's file.
        session: the session that is up now, if one is.
    """

    def __init__(self, revision: int, session: Callable[[], ClientSession | None]) -> None:
        self._told = max(revision, 1)  # a file without a number is of before there were any
        self._session = session
        self._tasks = TaskSet("freshness", _log)

    def __call__(self, status: KeeperStatus) -> None:
        """See ``SessionKeeper``'s ``on_change``."""
        session = self._session()
        if status.state is KeeperState.UP and session is not None:
            self._tasks.spawn(self._look(session), "ask")

    async def _look(self, session: ClientSession) -> None:
        try:
            answer = AboutAnswer.parse(read_answer(await ask(session, ABOUT, about_question())))
        except TwError as exc:  # an older server, or none of ours
            _log.debug("the server does not say how new this client's file is: %s", exc)
            return
        if answer.revision > self._told:
            self._told = answer.revision
            _log.warning("your file is older than the server's record: ask for a new one")

    async def drain(self) -> None:
        """Stop asking."""
        await self._tasks.drain()
