"""The API's Unix socket: ``run/api.sock`` of the identity, for the account that owns it.

A path of a socket has about a hundred bytes (unix(7)), which a long directory is beyond: on Linux
the directory is then named by an open file instead.
"""

from __future__ import annotations

import contextlib
import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

from ..base.errors import Misuse
from ..profile import Profile

__all__ = ["bind_socket", "has_unix_sockets", "short_path", "socket_of"]

_MAX_PATH_BYTES = 100
"""Of 108 on Linux and 104 elsewhere, the end included."""


def has_unix_sockets() -> bool:
    """Whether this system's Python has them; Windows' has not."""
    return sys.platform != "win32" and hasattr(socket, "AF_UNIX")


def socket_of(profile: Profile) -> Path:
    """Where the process that serves this identity listens."""
    return profile.run / "api.sock"


@contextlib.contextmanager
def short_path(path: Path) -> Iterator[str]:
    """A name of it that is short enough, as long as the block lasts.

    Raises:
        Misuse: ``bad-argument`` where there is none.
    """
    if len(os.fsencode(path)) <= _MAX_PATH_BYTES:
        yield str(path)
        return
    if not sys.platform.startswith("linux"):
        raise Misuse(
            "bad-argument",
            "the name of this directory is too long for a Unix socket",
            where=str(path.parent),
            hint="--config-dir with a shorter one",
        )
    directory = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{directory}/{path.name}"
    finally:
        os.close(directory)


def bind_socket(path: Path) -> socket.socket:
    """Listen there, mode 0600. What a process left that died is replaced: the caller holds the lock of
    the identity, so nobody listens there.

    Raises:
        Misuse: ``bad-argument``, ``state-not-written``.
    """
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        path.unlink(missing_ok=True)
        before = os.umask(0o177)  # so that it is never open to others, not even for a moment
        try:
            with short_path(path) as name:
                sock.bind(name)
        finally:
            os.umask(before)
    except OSError as exc:
        sock.close()
        raise Misuse("state-not-written", exc.strerror or str(exc), where=str(path)) from exc
    except Misuse:
        sock.close()
        raise
    sock.setblocking(False)
    return sock
