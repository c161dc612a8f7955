"""Killing a process at its n-th change to the disk, and filling the disk at it.

Unrealistic: what was written before the kill is seen even without fsync, as after a crash of the
process, not of the machine.
"""

from __future__ import annotations

import errno
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

CHANGES = ("fsync", "replace", "rename", "link", "unlink", "mkdir", "rmdir")
_KILLED = 99


def _counted(
    step: int,
    act: Callable[[], None],
    patch: Callable[[str, Any], None],
    names: tuple[str, ...],
    *,
    lasting: bool = False,
) -> None:
    seen = 0

    def wrap(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            nonlocal seen
            seen += 1
            if seen == step or (lasting and seen > step):
                act()
            return real(*args, **kwargs)

        return call

    for name in names:
        patch(name, wrap(getattr(os, name)))


def killed_at(step: int, action: Callable[[], object]) -> bool:
    """Run ``action`` in a child that dies right before its ``step``-th change; whether it came to that."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            _counted(step, lambda: os._exit(_KILLED), lambda name, new: setattr(os, name, new), CHANGES)
            action()
            status = 0
        finally:
            os._exit(status)
    _, wait_status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(wait_status)
    assert code in (0, _KILLED), f"the child ended with {code}"
    return code == _KILLED


def every_kill(action: Callable[[], object], prepare: Callable[[], object]) -> Iterator[int]:
    """Prepare, kill at step 1; prepare, kill at step 2; and so on to the end of the action."""
    for step in range(1, 200):
        prepare()
        if not killed_at(step, action):
            assert step > 2, "nothing was changed at all"
            return
        yield step
    raise AssertionError("no end")


def fill_disk(
    patch: pytest.MonkeyPatch, step: int, name: str, code: int = errno.ENOSPC, *, lasting: bool = False
) -> None:
    """From here on, the ``step``-th call of ``os.<name>`` fails, and all later ones if it is lasting."""

    def fail() -> None:
        raise OSError(code, os.strerror(code))

    _counted(step, fail, lambda attribute, new: patch.setattr(os, attribute, new), (name,), lasting=lasting)


def snapshot(directory: Path) -> dict[str, bytes]:
    """All files below, but the lock."""
    return {
        str(path.relative_to(directory)): path.read_bytes()
        for path in sorted(directory.rglob("*"))
        if path.is_file() and path.name != ".lock"
    }


needs_fork = pytest.mark.skipif(
    not hasattr(signal, "SIGKILL") or not hasattr(os, "fork"), reason="needs fork"
)
