"""The process around a role: its event loop, its signals, its limits."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ..base.limits import PROCESS_THREADS, RESERVED_FILES
from .notify import keep_watchdog, stopping

__all__ = ["files_for_connections", "run_until_stopped"]

_log = logging.getLogger("tw")

_NO_LIMIT = 2**31

END_WITHIN_S = 5.0
"""From the wish to stop until the process is gone."""


def run_until_stopped(main: Callable[[], Coroutine[Any, Any, None]]) -> bool:
    """Run ``main`` until it returns, raises, or the process is asked to stop (SIGINT, SIGTERM; SIGHUP:
    its terminal was closed, and nobody said nohup).

    Returns:
        Whether it was asked to stop; ``main`` was cancelled then, and has tidied up.
    """
    _raise_file_limit()
    stopped = False
    end = _end_in_time()

    async def guarded() -> None:
        nonlocal stopped
        loop = asyncio.get_running_loop()
        loop.set_default_executor(ThreadPoolExecutor(PROCESS_THREADS, thread_name_prefix="tw-aside"))
        task = loop.create_task(main(), name="main")
        alive = loop.create_task(keep_watchdog(), name="watchdog")

        def stop() -> None:
            nonlocal stopped
            if not stopped:  # once: an impatient second Ctrl-C must not interrupt the tidying up
                stopped = True
                stopping()
                end.start()
                task.cancel()

        if sys.platform != "win32":
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:  # nohup
                    loop.add_signal_handler(number, stop)
        try:
            await task
        except asyncio.CancelledError:
            if not stopped:  # Windows: the runner turned Ctrl-C into a cancellation
                task.cancel()
                raise
        finally:
            alive.cancel()

    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(guarded())
    except KeyboardInterrupt:
        return True
    finally:
        end.cancel()
        if end.is_alive():
            end.join()
    return stopped


def _end_in_time() -> threading.Timer:
    """Whatever is stuck, such as a thread that waits for a name server, the process ends in time. Its
    locks end with it, and whoever is connected is told by the system."""

    def end() -> None:
        _log.warning("not everything ended in %g s: it is cut off", END_WITHIN_S)
        logging.shutdown()
        os._exit(0)

    timer = threading.Timer(END_WITHIN_S, end)
    timer.name = "end"
    timer.daemon = True
    return timer


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop  # noqa: PLC0415 - an optional, slow import that --help must not pay for
    except ImportError:
        return None
    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory


def files_for_connections() -> int:
    """How many files this process may have open for its connections."""
    if sys.platform == "win32":
        return _NO_LIMIT
    import resource  # noqa: PLC0415 - not there on Windows

    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = _NO_LIMIT if soft == resource.RLIM_INFINITY else soft
    return max(1, allowed - RESERVED_FILES)


def _raise_file_limit() -> None:
    """Each connection is a file: take as many as the system lets us have without asking."""
    if sys.platform == "win32":
        return
    import resource  # noqa: PLC0415 - not there on Windows

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        except (OSError, ValueError) as exc:
            _log.debug("the limit of open files stays at %d: %s", soft, exc)
