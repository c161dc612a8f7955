from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

import pytest

from tests.kit.clock import real_run, run
from tests.kit.recorder import Recorder
from tests.ssh.ends import ORIGIN, Door, joined
from tunnel_whisperer.base.errors import Misuse, Refused, TwError, Unreachable
from tunnel_whisperer.base.limits import (
    MAX_SERVICE_ANSWERS,
    MAX_SERVICE_BYTES,
    MAX_SERVICE_PACES,
    SERVICE_ANSWER_TIMEOUT_S,
    SERVICE_BURST,
    SERVICE_QUESTION_TIMEOUT_S,
    SERVICE_REFILL_S,
)
from tunnel_whisperer.base.services import ABOUT
from tunnel_whisperer.ssh.service import ServiceDesk, ask

WHO = "ssh-ed25519 AAAA"


async def _at_once(answer: Callable[[str, bytes], bytes], who: str, question: bytes) -> bytes:
    """In place of a thread, which a virtual clock does not wait for."""
    return answer(who, question)


def _desk(answer: Callable[[str, bytes], bytes]) -> ServiceDesk:
    return ServiceDesk("test", answer, _at_once)


def _door(desk: ServiceDesk) -> Door:
    door = Door()
    door.opens = {ABOUT}
    door.make = lambda: desk.open(WHO)
    return door


@pytest.mark.parametrize("size", [0, 1, MAX_SERVICE_BYTES])
def test_a_question_gets_its_answer_and_who_asks_is_told(size: int) -> None:
    async def main() -> None:
        asked: list[str] = []

        def answer(who: str, question: bytes) -> bytes:
            asked.append(who)
            return question[::-1]

        desk = _desk(answer)
        question = bytes(i % 251 for i in range(size))
        async with joined(_door(desk)) as ends:
            assert await ask(ends.session, ABOUT, question) == question[::-1]
        assert asked == [WHO]

    run(main())


@pytest.mark.parametrize("error", [Misuse("bad-key", "no"), ValueError("no")])
def test_a_failure_ends_the_channel_and_not_the_session(error: Exception) -> None:
    async def main() -> None:
        def answer(who: str, question: bytes) -> bytes:
            if question:
                raise error
            return b"fine"

        async with joined(_door(_desk(answer))) as ends:
            with pytest.raises(Unreachable, match="gave no answer"):
                await ask(ends.session, ABOUT, b"x")
            assert await ask(ends.session, ABOUT, b"") == b"fine"

    run(main())


def test_a_question_that_is_too_long_or_does_not_end_is_cut() -> None:
    async def main() -> None:
        desk = _desk(lambda who, question: b"")
        async with joined(_door(desk)) as ends:
            with pytest.raises(Unreachable):
                await ask(ends.session, ABOUT, bytes(MAX_SERVICE_BYTES + 1))
            recorder = Recorder()
            transport, _ = await ends.session.open_channel(ABOUT, ORIGIN, lambda: recorder)
            transport.write(b"begun")
            await asyncio.sleep(SERVICE_QUESTION_TIMEOUT_S - 1)
            assert not recorder.lost
            await asyncio.sleep(2)
            assert recorder.lost

    run(main())


def test_an_answer_that_is_too_long_is_not_taken() -> None:
    async def main() -> None:
        desk = _desk(lambda who, question: bytes(MAX_SERVICE_BYTES + 1))
        async with joined(_door(desk)) as ends:
            with pytest.raises(Unreachable):
                await ask(ends.session, ABOUT, b"")

    run(main())


def test_who_gets_no_answer_does_not_wait_for_ever() -> None:
    async def main() -> None:
        door = Door()
        door.opens = {ABOUT}
        async with joined(door) as ends:
            began = asyncio.get_running_loop().time()
            with pytest.raises(Unreachable) as caught:
                await ask(ends.session, ABOUT, b"")
            assert caught.value.code == "timeout"
            assert asyncio.get_running_loop().time() - began == pytest.approx(SERVICE_ANSWER_TIMEOUT_S)

    run(main())


def test_a_refusal_is_told_as_one() -> None:
    async def main() -> None:
        door = Door()
        async with joined(door) as ends:
            with pytest.raises(Refused):
                await ask(ends.session, ABOUT, b"")

    run(main())


def test_who_asks_too_often_waits_and_others_do_not() -> None:
    async def main() -> None:
        desk = _desk(lambda who, question: b"")
        for _ in range(SERVICE_BURST):
            desk.open(WHO)
        with pytest.raises(Refused, match="too often"):
            desk.open(WHO)
        desk.open("another")
        await asyncio.sleep(SERVICE_REFILL_S)
        desk.open(WHO)
        for number in range(2 * MAX_SERVICE_PACES):
            desk.open(str(number))
        assert len(desk._paces) == MAX_SERVICE_PACES

    run(main())


def test_no_more_than_a_few_are_answered_at_once() -> None:
    async def main() -> None:
        go = asyncio.Event()

        async def later(answer: Callable[[str, bytes], bytes], who: str, question: bytes) -> bytes:
            await go.wait()
            return answer(who, question)

        async def outcome() -> None:
            try:
                outcomes.append((await ask(ends.session, ABOUT, b"")).decode())
            except TwError:
                outcomes.append("refused")
            if outcomes == ["refused"] * 2:
                go.set()

        outcomes: list[str] = []
        desk = ServiceDesk("test", lambda who, question: b"done", later)
        async with joined(_door(desk)) as ends:
            await asyncio.gather(*(outcome() for _ in range(MAX_SERVICE_ANSWERS + 2)))
        assert sorted(outcomes) == ["done"] * MAX_SERVICE_ANSWERS + ["refused"] * 2

    run(main())


def test_it_is_called_in_a_thread_as_it_may_wait_for_files() -> None:
    async def main() -> None:
        threads: list[int] = []

        def answer(who: str, question: bytes) -> bytes:
            threads.append(threading.get_ident())
            return b""

        async with joined(_door(ServiceDesk("test", answer))) as ends:
            await ask(ends.session, ABOUT, b"")
        assert threads != [threading.get_ident()]

    real_run(main())
