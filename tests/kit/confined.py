"""A machine without a network and without programs, as far as the code under test can tell.

What tries to leave meets what such a machine would answer: an error of the system. So a test may call
everything there is, with any data, and still nothing is dialled, listened on or started.
"""

from __future__ import annotations

import contextlib
import socket
import sys
from collections.abc import Iterator
from typing import Any

__all__ = ["confined"]

_NETWORK = frozenset(("socket.connect", "socket.sendto", "socket.sendmsg", "socket.bind"))
_NAMES = frozenset(
    ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr", "socket.getnameinfo")
)
_PROGRAMS = frozenset(
    ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork", "os.forkpty", "os.kill")
)

_tried: list[str] | None = None
_is_hooked = False


def _hook(event: str, args: tuple[Any, ...]) -> None:
    tried = _tried
    if tried is None or event not in _NETWORK | _NAMES | _PROGRAMS:
        return
    tried.append(f"{event} {args[1:] if event in _NETWORK else args}"[:200])
    if event in _NETWORK:
        raise ConnectionRefusedError(111, "this test has no network")
    if event in _NAMES:
        raise socket.gaierror(socket.EAI_NONAME, "this test has no network")
    raise FileNotFoundError(2, "this test has no programs", str(args[0]))


@contextlib.contextmanager
def confined() -> Iterator[list[str]]:
    """Let nothing of this process out until the end of the block, in any thread.

    Yields:
        What was tried; grows.
    """
    global _tried, _is_hooked  # noqa: PLW0603 - an audit hook is for the whole process, and for good
    assert _tried is None, "one at a time"
    if not _is_hooked:
        sys.addaudithook(_hook)
        _is_hooked = True
    _tried = []
    try:
        yield _tried
    finally:
        _tried = None
