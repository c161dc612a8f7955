"""Notices that files of the identity changed: another process edits them while we run."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Hashable, Iterable
from pathlib import Path

from ..base.errors import TwError

__all__ = ["file_stamp", "watch"]

_log = logging.getLogger("tw.daemon.watch")

INTERVAL_S = 0.5
"""A change acts within a second (design.md section 7); a look costs a few microseconds."""


def file_stamp(paths: Iterable[Path]) -> Hashable:
    """A value that changes when any of these files does; a missing file is a value, too."""
    stamps: list[tuple[int, int, int] | None] = []
    for path in paths:
        try:
            status = path.stat()
        except OSError:
            stamps.append(None)
        else:
            stamps.append((status.st_ino, status.st_mtime_ns, status.st_size))
    return tuple(stamps)


async def watch(stamp: Callable[[], Hashable], changed: Callable[[], None], first: Hashable) -> None:
    """Call ``changed`` whenever ``stamp`` gives another value; until cancelled.

    A change that cannot be used is logged, and the old state goes on: the next change is another
    chance. So is a look that fails, as it does when the process has no file left to look with; the
    watch itself goes on whatever happens, for without it nothing would be revoked any more.

    Args:
        first: the value at the time at which the state in use was read.
    """
    last = first
    blind = False
    while True:
        await asyncio.sleep(INTERVAL_S)
        now = last
        try:
            now = stamp()
            if now != last:
                changed()
            blind = False
        except TwError as exc:
            _log.error("a change is not taken over: %s", exc)
        except OSError as exc:
            now = last  # the same change is looked at again
            if not blind:
                _log.error("changes of files cannot be seen: %s", exc.strerror or exc)
            blind = True
        except Exception:  # noqa: BLE001 - see above
            _log.exception("a change is not taken over")
        last = now
