"""A program on a terminal of its own (a pty), whose other end is somebody far away.

What the program writes waits here until it is taken, and the program with it: nothing piles up for a
slow reader. The pty is not its controlling terminal: for ssh, which hands everything to the other side,
that makes no difference, and nothing has to run between fork and exec.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import struct
import sys
from collections.abc import Mapping, Sequence

from ..base.errors import Misuse
from ..base.limits import MAX_TERMINAL_CELLS, MAX_TERMINAL_INPUT_BYTES, TERMINAL_BUFFER_BYTES
from ..base.tasks import TaskSet

__all__ = ["Terminal"]

_log = logging.getLogger("tw.daemon.terminal")

_CHUNK = 16 * 1024
_END_S = 1.0
"""Time for a program that was asked to end, before it is ended."""


class Terminal:
    """One program; made by ``start``, and ended by ``close``. On one event loop."""

    def __init__(self, process: asyncio.subprocess.Process, master: int) -> None:
        self._process = process
        self._master = master
        self._output = bytearray()
        self._untaken = 0
        """Bytes that were read, and not taken at the far end yet."""
        self._input = bytearray()
        self._news = asyncio.Event()
        self._over = False
        self._reading = False
        self._writing = False
        self._loop = asyncio.get_running_loop()
        self._tasks = TaskSet("terminal", _log)
        self._tasks.spawn(self._until_exit(), "exit")
        self._go_on_reading()

    @classmethod
    async def start(
        cls, argv: Sequence[str], *, rows: int, columns: int, env: Mapping[str, str] | None = None
    ) -> Terminal:
        """Run a program.

        Args:
            env: of the program; None: ours.

        Raises:
            Misuse: ``bad-argument`` on a system without such terminals, and for a program that cannot
                be started.
        """
        if sys.platform == "win32":
            raise Misuse("bad-argument", "there is no terminal of this kind on Windows", hint="tw relay ssh")
        master, slave = os.openpty()
        try:
            _set_size(master, rows, columns)
            os.set_blocking(master, False)
            process = await asyncio.create_subprocess_exec(
                *argv,
                stdin=slave,
                stdout=slave,
                stderr=slave,
                start_new_session=True,
                env={**(os.environ if env is None else env), "TERM": "xterm-256color"},
            )
        except OSError as exc:
            os.close(master)
            raise Misuse(
                "bad-argument", f"{argv[0]} cannot be started: {exc.strerror or exc}", where=argv[0]
            ) from exc
        except BaseException:
            os.close(master)
            raise
        finally:
            os.close(slave)
        return cls(process, master)

    # -- the far end ----------------------------------------------------------------------------------

    async def read(self) -> bytes:
        """What the program wrote; empty when it has ended and all was read."""
        while not self._output and not self._over:
            self._news.clear()
            await self._news.wait()
        data = bytes(self._output[:_CHUNK])
        del self._output[:_CHUNK]
        self._untaken += len(data)
        return data

    def taken(self, count: int) -> None:
        """So many bytes of what was read are on somebody's screen."""
        self._untaken = max(0, self._untaken - max(0, count))
        self._go_on_reading()

    def write(self, data: bytes) -> None:
        """What somebody types.

        Raises:
            Misuse: ``too-many`` bytes that the program does not take.
        """
        if self._over:
            return
        if len(self._input) + len(data) > MAX_TERMINAL_INPUT_BYTES:
            raise Misuse("too-many", "more was typed than the machine takes", hint="paste less at once")
        self._input += data
        self._send_input()

    def resize(self, rows: int, columns: int) -> None:
        """The window has another size now."""
        if self._over or self._process.returncode is not None:
            return
        _set_size(self._master, rows, columns)
        self._signal(signal.SIGWINCH)

    @property
    def status(self) -> int | None:
        """How the program ended; None: it runs."""
        return self._process.returncode

    async def close(self) -> None:
        """End the program and what it started; safe to repeat."""
        self._finish()
        self._signal(signal.SIGHUP)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_END_S):
                await self._process.wait()
        self._signal(signal.SIGKILL)
        await self._process.wait()
        await self._tasks.drain()

    # -- the program ----------------------------------------------------------------------------------

    def _signal(self, number: int) -> None:
        """To its whole session: ssh has its ProxyCommand beside it."""
        with contextlib.suppress(OSError):
            os.killpg(self._process.pid, number)

    async def _until_exit(self) -> None:
        await self._process.wait()
        self._read_some(to_its_end=True)
        self._finish()

    def _go_on_reading(self) -> None:
        room = len(self._output) + self._untaken < TERMINAL_BUFFER_BYTES
        if room and not self._reading and not self._over:
            self._loop.add_reader(self._master, self._read_some)
            self._reading = True

    def _read_some(self, *, to_its_end: bool = False) -> None:
        while not self._over:
            try:
                data = os.read(self._master, _CHUNK)
            except BlockingIOError:
                return
            except OSError:  # EIO: nobody has the other side open any more
                data = b""
            if not data:
                self._finish()
                return
            self._output += data
            self._news.set()
            if not to_its_end:
                self._pause_if_full()
                return

    def _pause_if_full(self) -> None:
        if len(self._output) + self._untaken >= TERMINAL_BUFFER_BYTES and self._reading:
            self._loop.remove_reader(self._master)
            self._reading = False

    def _send_input(self) -> None:
        if self._over:
            return
        try:
            while self._input:
                del self._input[: os.write(self._master, self._input[:_CHUNK])]
        except BlockingIOError:
            if not self._writing:
                self._loop.add_writer(self._master, self._send_input)
                self._writing = True
            return
        except OSError:
            self._input.clear()
        if self._writing:
            self._loop.remove_writer(self._master)
            self._writing = False

    def _finish(self) -> None:
        """No more is read or written."""
        if self._over:
            return
        self._over = True
        self._loop.remove_reader(self._master)
        self._loop.remove_writer(self._master)
        os.close(self._master)
        self._news.set()


def _set_size(fd: int, rows: int, columns: int) -> None:
    import fcntl  # noqa: PLC0415 - not on Windows
    import termios  # noqa: PLC0415 - not on Windows

    held = [min(max(1, each), MAX_TERMINAL_CELLS) for each in (rows, columns)]
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", *held, 0, 0))
