"""Make a machine as the site has it: ask, compare, change, ask again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

from ...base.errors import Broken, Refused
from .machine_state import Difference, difference, parse_state, state_script
from .site import Site
from .transaction import transaction

__all__ = ["Run", "apply", "drift"]

_MAX_WORDS_CHARS = 200
"""Of a step; ours have 60."""


class Run(Protocol):
    """Runs a script on the machine: ``sh``, as root."""

    def __call__(self, script: str, on_line: Callable[[str], None]) -> Awaitable[int]:
        """Give each line that it prints to ``on_line``; returns its exit status.

        Raises:
            TwError: it was not run, or its end is not known.
        """


async def drift(site: Site, run: Run) -> Difference:
    """What is not on the machine as the site has it. Changes nothing.

    Raises:
        TwError: as ``run``; ``bad-answer``.
    """
    lines: list[str] = []
    await run(state_script(site.layout), lines.append)
    return difference(site, parse_state("\n".join(lines)))


async def apply(site: Site, run: Run, on_step: Callable[[str], None]) -> Difference:
    """Make it so; nothing is sent to a machine that is as it should be.

    Args:
        on_step: told what is about to be done, in words.

    Returns:
        What had to be done.

    Raises:
        TwError: as ``run``. After a break in the middle the machine has the old or the new state,
            and applying once more finds out which.
        Refused: ``not-applied``: a step failed, and everything is as it was.
    """
    change = await drift(site, run)
    if not change:
        return change
    last = ""

    def on_line(line: str) -> None:
        nonlocal last
        last = line
        if line.startswith("step "):
            words = line.removeprefix("step ")[:_MAX_WORDS_CHARS]
            # A machine that was taken over does not get at the terminal.
            on_step("".join(char if char.isprintable() else "?" for char in words))

    status = await run(transaction(site, change), on_line)
    if last != "done" or status:
        why = last.removeprefix("failed ") if last.startswith("failed ") else f"it ended with status {status}"
        raise Refused(
            "not-applied",
            f"the relay's machine did not take the change, and is as before: {why}",
            hint="tw test relay shows the machine's state",
        )
    left = await drift(site, run)
    if left:
        raise Broken("internal", f"after the change, {'; '.join(left.in_words()[:3])}")
    return change
