"""One question and one answer on a channel: a service that ends in the process itself.

    asks                                     answers
    direct-tcpip to the service's name  -->  taken, or refused
    the question, then EOF              -->
                                        <--  the answer, then EOF

Both are bounded in size and time. What is in them is the business of the two ends above.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import cast

from ..base.errors import Refused, TwError, Unreachable
from ..base.limits import (
    MAX_SERVICE_ANSWERS,
    MAX_SERVICE_BYTES,
    MAX_SERVICE_PACES,
    SERVICE_ANSWER_TIMEOUT_S,
    SERVICE_BURST,
    SERVICE_QUESTION_TIMEOUT_S,
    SERVICE_REFILL_S,
)
from ..base.tasks import TaskSet
from ..base.values import HostPort
from ..net.h2_windows import Allowance
from .session import ClientSession

__all__ = ["ServiceDesk", "ask"]

_log = logging.getLogger("tw.ssh.service")

_NOWHERE = HostPort("0.0.0.0", 1)


class ServiceDesk:
    """Takes the questions to one service.

    Args:
        name: of the service, for logs.
        answer: told who asks (a public key line) and the question; called in a thread, as it may
            wait for files. What it raises ends the channel without an answer.
        call: calls it, and waits meanwhile.
    """

    def __init__(
        self,
        name: str,
        answer: Callable[[str, bytes], bytes],
        call: Callable[..., Awaitable[bytes]] = asyncio.to_thread,
    ) -> None:
        self._answer = answer
        self._call = call
        self._paces: OrderedDict[str, Allowance] = OrderedDict()
        self._tasks = TaskSet(name, _log)

    def open(self, who: str) -> asyncio.Protocol:
        """The protocol of a channel to the service.

        Raises:
            Refused: ``too-many``.
        """
        if len(self._tasks) >= MAX_SERVICE_ANSWERS:
            raise Refused("too-many", "others are being answered")
        now = asyncio.get_running_loop().time()
        pace = self._paces.get(who)
        if pace is None:
            pace = self._paces[who] = Allowance(SERVICE_BURST, 1 / SERVICE_REFILL_S, now)
            if len(self._paces) > MAX_SERVICE_PACES:
                self._paces.popitem(last=False)
        self._paces.move_to_end(who)
        if not pace.use(now):
            raise Refused("too-many", "asked too often; wait a minute")
        return _Question(lambda question: self._take(who, question))

    def _take(self, who: str, question: _Question) -> None:
        if len(self._tasks) >= MAX_SERVICE_ANSWERS:
            question.give_up()
        else:
            self._tasks.spawn(self._work(who, question), "answer")

    async def _work(self, who: str, question: _Question) -> None:
        try:
            answer = await self._call(self._answer, who, bytes(question.received))
        except Exception as exc:  # noqa: BLE001 - a question of a peer's ends no session
            if isinstance(exc, TwError):
                _log.warning("a question was not answered: %s", exc)
            else:
                _log.exception("a question could not be answered")
            question.give_up()
        else:
            question.answer(answer)

    async def drain(self) -> None:
        """Give up what is being answered."""
        await self._tasks.drain()


class _Question(asyncio.Protocol):
    """The end that answers."""

    def __init__(self, complete: Callable[[_Question], None]) -> None:
        self.received = bytearray()
        self._complete = complete
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        loop = asyncio.get_running_loop()
        self._deadline = loop.call_later(SERVICE_QUESTION_TIMEOUT_S, self.give_up)

    def data_received(self, data: bytes) -> None:
        self.received += data
        if len(self.received) > MAX_SERVICE_BYTES:
            self.received.clear()
            self.give_up()

    def eof_received(self) -> bool:
        self._deadline.cancel()
        if self._transport is not None:
            self._complete(self)
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        self._deadline.cancel()
        self._transport = None

    def answer(self, data: bytes) -> None:
        """Say it, if somebody still listens."""
        if self._transport is not None:
            self._transport.write(data)
            self._transport.write_eof()

    def give_up(self) -> None:
        """End without an answer."""
        if self._transport is not None:
            self._transport.abort()


class _Asking(asyncio.Protocol):
    """The end that asks."""

    def __init__(self) -> None:
        self.answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._received = bytearray()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._received += data
        if len(self._received) > MAX_SERVICE_BYTES and self._transport is not None:
            self._received.clear()
            self._transport.abort()

    def eof_received(self) -> bool:
        if not self.answer.done():
            self.answer.set_result(bytes(self._received))
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.answer.done():
            lost = Unreachable("session-lost", "the other end gave no answer")
            lost.__cause__ = exc
            self.answer.set_exception(lost)


async def ask(session: ClientSession, service: HostPort, question: bytes) -> bytes:
    """The answer of a service at the far side of the session.

    Raises:
        Refused, Unreachable: there is none; ``timeout``, ``session-lost``.
    """
    asking = _Asking()
    try:
        async with asyncio.timeout(SERVICE_ANSWER_TIMEOUT_S):
            transport, _ = await session.open_channel(service, _NOWHERE, lambda: asking)
            try:
                transport.write(question)
                transport.write_eof()
                return await asking.answer
            finally:
                if not asking.answer.done():
                    transport.abort()
    except TimeoutError:
        raise Unreachable("timeout", f"no answer within {SERVICE_ANSWER_TIMEOUT_S:g} s") from None
