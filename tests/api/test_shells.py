"""Terminals and the pages at their other end; ``sh`` in the place of ssh."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.kit.clock import real_run
from tunnel_whisperer.api import shells as module
from tunnel_whisperer.api.shells import Shell, Shells, carry
from tunnel_whisperer.audit import select
from tunnel_whisperer.base.errors import Misuse
from tunnel_whisperer.base.limits import MAX_TERMINAL_INPUT_BYTES, MAX_TERMINALS, TERMINAL_BUFFER_BYTES
from tunnel_whisperer.profile import Config, Contexts, Profile
from tunnel_whisperer.tenancy import make_standard_relay_identity

Open = Callable[..., AbstractAsyncContextManager[Shell]]


class Screen:
    """A page that says what the test puts in, and keeps what it sees."""

    def __init__(self, *, takes: bool = True) -> None:
        self.says: asyncio.Queue[bytes | str | None] = asyncio.Queue()
        self.seen = b""
        self._takes = takes
        self._news = asyncio.Event()

    async def receive(self) -> bytes | str | None:
        return await self.says.get()

    async def send(self, data: bytes | str) -> None:
        assert isinstance(data, bytes)
        self.seen += data
        self._news.set()
        if self._takes:
            self.says.put_nowait(json.dumps({"taken": len(data)}))

    async def until(self, words: bytes) -> None:
        while words not in self.seen:
            self._news.clear()
            await self._news.wait()


def _shells(script: str) -> Shells:
    @contextmanager
    def words(contexts: Contexts, profile: Profile, config: Config) -> Iterator[list[str]]:
        yield ["sh", "-c", script, "sh"]

    return Shells(words)


def _at_relay(tmp_path: Path, script: str, use: Callable[[Open, Shells], Awaitable[None]]) -> Profile:
    profile = Profile(tmp_path)
    config = make_standard_relay_identity(profile, "relay.example.org")
    shells = _shells(script)

    def open_one(owner: str = "browser-1") -> AbstractAsyncContextManager[Shell]:
        return shells.open(owner, Contexts(tmp_path), profile, config)

    async def main() -> None:
        async with asyncio.timeout(20):
            await use(open_one, shells)

    real_run(main(), timeout_s=40)
    return profile


def _run(
    tmp_path: Path, script: str, page: Callable[[Screen], Coroutine[Any, Any, None]], *, takes: bool = True
) -> tuple[str, Screen]:
    """What the page is told at the end."""
    found: list[tuple[str, Screen]] = []

    async def use(open_one: Open, shells: Shells) -> None:
        async with open_one() as shell:
            screen = Screen(takes=takes)
            async with asyncio.TaskGroup() as group:
                group.create_task(page(screen))
                found.append((await carry(shell, screen, asyncio.Event()), screen))

    _at_relay(tmp_path, script, use)
    return found[0]


def test_the_host_is_the_last_word_and_the_visit_is_noted(tmp_path: Path) -> None:
    async def page(screen: Screen) -> None:
        await screen.until(b"relay.example.org")

    why, _ = _run(tmp_path, "echo to $1", page)
    assert why == "the shell at the machine has ended"
    (record,) = select(Profile(tmp_path).audit, lambda each: each.event == "machine-visited")
    assert record.fields["command"] == "(a terminal in the dashboard)"


def test_what_is_typed_and_the_windows_size_arrive(tmp_path: Path) -> None:
    async def page(screen: Screen) -> None:
        screen.says.put_nowait('{"rows": 33, "columns": 111}')
        screen.says.put_nowait(b"go\n")
        await screen.until(b"33 111")
        screen.says.put_nowait(None)

    why, _ = _run(tmp_path, "read x; stty size; sleep 60", page)
    assert why == ""


@pytest.mark.parametrize(
    "line",
    [
        "",
        "{",
        "[]",
        "{}",
        '{"taken": -1}',
        '{"taken": true}',
        '{"rows": 5}',
        '{"rows": "5", "columns": 5}',
        "[" * 9999,
    ],
)
def test_a_page_that_says_nonsense_is_left(tmp_path: Path, line: str) -> None:
    async def page(screen: Screen) -> None:
        screen.says.put_nowait(line)

    assert _run(tmp_path, "sleep 60", page)[0] == "the page said something that is not understood"


def test_a_page_that_floods_is_left(tmp_path: Path) -> None:
    async def page(screen: Screen) -> None:
        await screen.until(b"ready")
        for _ in range(MAX_TERMINAL_INPUT_BYTES // 16384 + 8):
            screen.says.put_nowait(b"x" * 16384)

    assert "more was typed" in _run(tmp_path, "stty raw -echo; echo ready; sleep 60", page)[0]


def test_a_page_that_takes_nothing_holds_the_shell_up(tmp_path: Path) -> None:
    async def page(screen: Screen) -> None:
        while len(screen.seen) < TERMINAL_BUFFER_BYTES:
            await asyncio.sleep(0.01)
        seen = 0
        while seen != len(screen.seen):
            seen = len(screen.seen)
            await asyncio.sleep(0.2)
        screen.says.put_nowait(None)

    _, screen = _run(tmp_path, "while :; do echo 0123456789012345678901234567890; done", page, takes=False)
    assert len(screen.seen) < TERMINAL_BUFFER_BYTES + 64 * 1024


def test_who_does_not_type_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TERMINAL_IDLE_S", 0.2)

    async def page(screen: Screen) -> None:
        await screen.until(b"y\r\ny\r\n")

    why, _ = _run(tmp_path, "while :; do echo y; sleep 0.01; done", page)
    assert why == "nobody typed for a long time", "what the shell writes does not count"


def test_the_end_of_the_process_ends_it(tmp_path: Path) -> None:
    async def use(open_one: Open, shells: Shells) -> None:
        closing = asyncio.Event()
        async with open_one() as shell:
            assert isinstance(shell, Shell)
            asyncio.get_running_loop().call_later(0.05, closing.set)
            assert await carry(shell, Screen(), closing) == "the dashboard ends"
        assert shell.terminal.status is not None and len(shells) == 0

    _at_relay(tmp_path, "sleep 60", use)


def test_a_second_one_of_a_browser_takes_the_place_of_the_first(tmp_path: Path) -> None:
    async def use(open_one: Open, shells: Shells) -> None:
        async with open_one() as first:
            async with open_one() as second:
                assert (
                    await carry(first, Screen(), asyncio.Event()) == "a terminal was opened in another window"
                )
                assert not second.replaced.is_set() and len(shells) == 1
            assert len(shells) == 0

    _at_relay(tmp_path, "sleep 60", use)


def test_there_are_only_so_many(tmp_path: Path) -> None:
    async def use(open_one: Open, shells: Shells) -> None:
        async with AsyncExitStack() as stack:
            for number in range(MAX_TERMINALS):
                await stack.enter_async_context(open_one(f"browser-{number}"))
            with pytest.raises(Misuse) as refused:
                await stack.enter_async_context(open_one("one more"))
            assert refused.value.code == "too-many"
        assert len(shells) == 0

    _at_relay(tmp_path, "sleep 60", use)
