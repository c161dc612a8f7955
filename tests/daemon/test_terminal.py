"""A program on a terminal; ``sh`` and ``cat`` in the place of ssh."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tests.kit.clock import real_run
from tunnel_whisperer.base.errors import Misuse
from tunnel_whisperer.base.limits import MAX_TERMINAL_INPUT_BYTES, TERMINAL_BUFFER_BYTES
from tunnel_whisperer.daemon.terminal import Terminal

pytestmark = pytest.mark.skipif(os.name == "nt", reason="there are no ptys on Windows")


def _on(argv: list[str], use: Callable[[Terminal], Awaitable[None]]) -> Terminal:
    async def main() -> Terminal:
        terminal = await Terminal.start(argv, rows=24, columns=80)
        try:
            async with asyncio.timeout(20):
                await use(terminal)
        finally:
            await terminal.close()
        await terminal.close()
        return terminal

    return real_run(main(), timeout_s=40)


async def _until(terminal: Terminal, words: bytes) -> bytes:
    seen = b""
    while words not in seen:
        data = await terminal.read()
        assert data, seen
        terminal.taken(len(data))
        seen += data
    return seen


async def _rest(terminal: Terminal) -> bytes:
    seen = b""
    while data := await terminal.read():
        terminal.taken(len(data))
        seen += data
    return seen


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


async def _until_gone(pids: list[int]) -> None:
    """Nobody here can wait for what the program started: the kernel ends it when it comes to it."""
    async with asyncio.timeout(10):
        while any(_lives(pid) for pid in pids):
            await asyncio.sleep(0.01)


def test_what_is_typed_arrives_and_what_is_written_comes_back() -> None:
    async def use(terminal: Terminal) -> None:
        terminal.write(b"echo $((6*7)); exit 3\n")
        assert b"42" in await _rest(terminal)

    assert _on(["sh"], use).status == 3


def test_it_is_a_terminal_of_the_size_that_was_said() -> None:
    async def use(terminal: Terminal) -> None:
        terminal.write(b"test -t 0 && test -t 2 && stty size; echo $TERM\n")
        assert b"24 80" in await _until(terminal, b"\nxterm-256color")
        terminal.resize(50, 132)
        terminal.write(b"stty size\n")
        await _until(terminal, b"50 132")
        terminal.resize(0, 10**9)
        terminal.write(b"stty size\n")
        await _until(terminal, b"1 1000")

    _on(["sh"], use)


def test_the_program_is_told_of_another_size() -> None:
    async def use(terminal: Terminal) -> None:
        await _until(terminal, b"ready")
        terminal.resize(10, 20)
        await _until(terminal, b"winch")

    script = "trap 'echo winch' WINCH; echo ready; while :; do sleep 0.05; done"
    _on(["sh", "-c", script], use)


def test_who_does_not_read_holds_the_program_up() -> None:
    async def use(terminal: Terminal) -> None:
        read = 0
        while read < TERMINAL_BUFFER_BYTES:
            read += len(await terminal.read())
        # Nothing was taken: what the program writes now stays in the kernel, and the program waits.
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                while True:
                    read += len(await terminal.read())
        assert read < TERMINAL_BUFFER_BYTES + 64 * 1024
        terminal.taken(read)
        assert await terminal.read()

    _on(["sh", "-c", "while :; do echo 0123456789012345678901234567890123456789; done"], use)


def test_what_the_program_does_not_take_is_bounded() -> None:
    async def use(terminal: Terminal) -> None:
        await _until(terminal, b"ready")
        with pytest.raises(Misuse) as refused:
            for _ in range(MAX_TERMINAL_INPUT_BYTES // 1024 + 100):
                terminal.write(b"x" * 1024)
        assert refused.value.code == "too-many"

    _on(["sh", "-c", "stty raw -echo; echo ready; sleep 60"], use)


def test_a_large_paste_arrives_whole() -> None:
    text = b"".join(b"%05d\n" % number for number in range(20_000))

    async def use(terminal: Terminal) -> None:
        await _until(terminal, b"ready")
        terminal.write(text)
        assert (await _until(terminal, b"19999\n")).endswith(text)

    _on(["sh", "-c", "stty raw -echo; echo ready; cat"], use)


def test_closing_ends_the_program_and_what_it_started() -> None:
    pids: list[int] = []

    async def use(terminal: Terminal) -> None:
        seen = await _until(terminal, b"ready")
        pids.extend(int(word) for word in seen.split() if word.isdigit())

    script = "trap '' HUP; sleep 1000 & echo $$ $!; echo ready; wait"
    ended = _on(["sh", "-c", script], use)
    assert ended.status == -9 and len(pids) == 2
    real_run(_until_gone(pids))


def test_a_program_that_is_not_there_is_said() -> None:
    async def main() -> None:
        with pytest.raises(Misuse) as refused:
            await Terminal.start(["/no/such/program"], rows=24, columns=80)
        assert refused.value.code == "bad-argument" and "/no/such/program" in refused.value.where

    real_run(main())


def test_after_its_end_nothing_happens() -> None:
    async def use(terminal: Terminal) -> None:
        assert await _rest(terminal) == b"done\r\n"
        terminal.write(b"more")
        terminal.resize(1, 1)
        terminal.taken(5)
        assert await terminal.read() == b""

    assert _on(["sh", "-c", "echo done"], use).status == 0
