"""A loop in a thread of its own: what runs there, and how it ends."""

from __future__ import annotations

import asyncio
import threading

import pytest

from tunnel_whisperer.base.errors import Misuse
from tunnel_whisperer.daemon.loop_thread import LoopThread


async def _where() -> threading.Thread:
    return threading.current_thread()


def test_work_is_done_in_the_thread_and_comes_back() -> None:
    thread = LoopThread("loop-test")
    thread.start()
    try:
        there = thread.submit(_where()).result(10)
        assert there.name == "loop-test"
        assert there.daemon
    finally:
        thread.stop()
    assert not there.is_alive()


def test_what_is_left_is_cancelled_and_tidies_up_before_the_end() -> None:
    thread = LoopThread("loop-test")
    thread.start()
    seen: list[str] = []
    waiting = threading.Event()

    async def work() -> None:
        try:
            waiting.set()
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            seen.append("tidy")

    future = thread.submit(work())
    assert waiting.wait(10)
    thread.stop()
    assert seen == ["tidy"]
    assert future.cancelled()


def test_nothing_is_taken_after_the_end_and_a_second_end_is_none() -> None:
    thread = LoopThread("loop-test")
    thread.start()
    thread.stop()
    thread.stop()
    with pytest.raises(Misuse, match="closed"):
        thread.submit(_where())


def test_one_that_was_never_started_is_stopped_already() -> None:
    thread = LoopThread("loop-test")
    assert not thread.is_running
    thread.stop()


def test_a_loop_that_cannot_be_made_keeps_nobody_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise OSError("no file left")

    seen: list[object] = []
    monkeypatch.setattr("asyncio.events.new_event_loop", fail)
    monkeypatch.setattr("threading.excepthook", seen.append)
    thread = LoopThread("loop-test")
    thread.start()
    assert not thread.is_running
    with pytest.raises(Misuse):
        thread.submit(_where())
    thread.stop()
    assert len(seen) == 1
