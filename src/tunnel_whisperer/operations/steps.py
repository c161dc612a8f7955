"""How long work tells what it is about, to whoever shows it: a terminal, a page, a log.

The parts of an act are told by ``started`` or ``waiting``, and then by ``done`` or ``failed``; a
part of a part has a dot in its id: ``machine.droplet``.
"""

from __future__ import annotations

from typing import Protocol

from ..base.errors import TwError

__all__ = ["DONE", "FAILED", "INFO", "STARTED", "WAITING", "Tell", "quiet", "tell_failure"]

STARTED, WAITING, DONE, FAILED, INFO = "started", "waiting", "done", "failed", "info"
"""States of a step; ``info`` is what somebody has to know, and no work of ours."""


class Tell(Protocol):
    """Is told each step; see ``daemon.jobs``, whose work takes one."""

    def __call__(self, part: str, state: str, words: str, hint: str = "", /) -> None:
        """Args: hint: what to do about it; may be empty."""


def quiet(part: str, state: str, words: str, hint: str = "", /) -> None:
    """For callers whom the steps do not interest."""


def tell_failure(tell: Tell, part: str, error: TwError) -> None:
    """The step at which it ended."""
    tell(part, FAILED, str(error), error.hint)
