from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import cast

import pytest

from tests.kit.clock import run
from tunnel_whisperer.base.errors import Unreachable
from tunnel_whisperer.daemon import freshness
from tunnel_whisperer.daemon.freshness import Freshness
from tunnel_whisperer.ssh.keeper import KeeperState, KeeperStatus
from tunnel_whisperer.ssh.session import ClientSession
from tunnel_whisperer.tenancy import AboutAnswer, format_answer

UP = KeeperStatus(KeeperState.UP, 0.0)
OLD = "your file is older than the server's record: ask for a new one"


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> list[bytes | Exception]:
    """What the server says, in turn."""
    queue: list[bytes | Exception] = []

    async def ask(session: object, service: object, question: bytes) -> bytes:
        answer = queue.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(freshness, "ask", ask)
    return queue


def _revision(number: int) -> bytes:
    return format_answer(AboutAnswer("alice", number, None, ()).to_text())


def _connect(revision: int, times: int) -> None:
    async def main() -> None:
        checker = Freshness(revision, lambda: cast(ClientSession, object()))
        for _ in range(times):
            checker(UP)
            await asyncio.sleep(1)
        await checker.drain()

    run(main())


@pytest.fixture
def heard(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    logging.getLogger("tw").propagate = True
    caplog.set_level(logging.INFO, "tw")
    return lambda: [message for message in caplog.messages if "file" in message]


def test_an_old_file_is_told_once_per_newer_record(
    answers: list[bytes | Exception], heard: Callable[[], list[str]]
) -> None:
    answers += [_revision(2), _revision(3), _revision(3), _revision(4)]
    _connect(2, 4)
    assert heard() == [OLD, OLD]
    assert answers == []


@pytest.mark.parametrize(("own", "theirs"), [(2, 2), (3, 2), (0, 1)])
def test_a_file_that_is_new_enough_is_not_spoken_of(
    answers: list[bytes | Exception], heard: Callable[[], list[str]], own: int, theirs: int
) -> None:
    answers += [_revision(theirs)]
    _connect(own, 1)
    assert heard() == []


@pytest.mark.parametrize("answer", [Unreachable("session-lost", "x"), b"", b"{}", format_answer("nonsense")])
def test_a_server_that_does_not_answer_is_no_reason_for_a_word(
    answers: list[bytes | Exception], heard: Callable[[], list[str]], answer: bytes | Exception
) -> None:
    answers += [answer, _revision(2)]
    _connect(1, 2)
    assert heard() == [OLD]


def test_nobody_is_asked_while_there_is_no_session(answers: list[bytes | Exception]) -> None:
    async def main() -> None:
        checker = Freshness(1, lambda: None)
        checker(UP)
        Freshness(1, lambda: cast(ClientSession, object()))(KeeperStatus(KeeperState.WAITING, 0.0))
        await asyncio.sleep(1)

    run(main())
