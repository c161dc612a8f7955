"""The process around a role."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tunnel_whisperer.base.errors import Misuse
from tunnel_whisperer.base.limits import RESERVED_FILES
from tunnel_whisperer.daemon.process import files_for_connections, run_until_stopped

unix = pytest.mark.skipif(sys.platform == "win32", reason="no signals on Windows")


@unix
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_it_in_order(number: signal.Signals) -> None:
    tidied: list[bool] = []

    async def main() -> None:
        try:
            os.kill(os.getpid(), number)
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            tidied.append(True)

    assert run_until_stopped(main) is True
    assert tidied == [True]


@unix
def test_a_second_signal_does_not_interrupt_the_tidying_up() -> None:
    tidied: list[bool] = []

    async def main() -> None:
        try:
            os.kill(os.getpid(), signal.SIGINT)
            await asyncio.Event().wait()
        finally:
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGTERM)
            await asyncio.sleep(0.05)  # in which they arrive
            tidied.append(True)

    assert run_until_stopped(main) is True
    assert tidied == [True]


@unix
def test_under_nohup_a_closed_terminal_does_not_end_it(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        os.kill(os.getpid(), signal.SIGHUP)
        await asyncio.sleep(0.05)  # in which it would arrive

    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        assert run_until_stopped(main) is False
    finally:
        signal.signal(signal.SIGHUP, before)


def test_its_end_and_its_errors_come_through() -> None:
    async def ends() -> None:
        pass

    async def fails() -> None:
        raise Misuse("bad-argument", "no")

    assert run_until_stopped(ends) is False
    with pytest.raises(Misuse):
        run_until_stopped(fails)


@unix
def test_some_files_are_left_for_what_is_not_a_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    import resource

    for soft, left in (
        (1024, 1024 - RESERVED_FILES),
        (10, 1),
        (resource.RLIM_INFINITY, 2**31 - RESERVED_FILES),
    ):
        monkeypatch.setattr(resource, "getrlimit", lambda _, soft=soft: (soft, soft))
        assert files_for_connections() == left


@unix
def test_systemd_hears_signs_of_life_and_of_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        await asyncio.sleep(0)
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.Event().wait()

    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        monkeypatch.setenv("WATCHDOG_USEC", "30000000")
        assert run_until_stopped(main) is True
        assert manager.recv(100) == b"WATCHDOG=1"
        assert manager.recv(100) == b"STOPPING=1\nSTATUS=stopping"


@unix
def test_what_is_stuck_is_cut_off_in_time() -> None:
    """A thread that does not come back, as one that asks a dead name server, holds nobody up."""
    code = """
import asyncio, os, signal, sys, time
from tunnel_whisperer.daemon import process
process.END_WITHIN_S = 0.2

async def main():
    asyncio.get_running_loop().call_soon(os.kill, os.getpid(), signal.SIGTERM)
    await asyncio.to_thread(time.sleep, 120)

process.run_until_stopped(main)
print("it waited")
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "src")},
    )
    assert done.returncode == 0 and done.stdout == "", done.stderr


@unix
def test_what_ends_by_itself_is_not_cut_off() -> None:
    async def main() -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.Event().wait()

    assert run_until_stopped(main) is True
    assert not [thread for thread in threading.enumerate() if thread.name == "end"]


def test_names_that_nobody_resolves_hold_nothing_else_up() -> None:
    let_go = threading.Event()

    async def main() -> None:
        loop = asyncio.get_running_loop()
        stuck = [loop.run_in_executor(None, let_go.wait, 10) for _ in range(48)]
        try:
            async with asyncio.timeout(5):
                assert await asyncio.to_thread(lambda: "written") == "written"
        finally:
            let_go.set()
            await asyncio.gather(*stuck)

    assert run_until_stopped(main) is False
