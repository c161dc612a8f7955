"""The steps of a test as lines, each printed when it is known; or all as JSON at the end."""

from __future__ import annotations

import shutil
import sys
import textwrap

from ..doctor import State, Step
from ..operations.outcome import Outcome
from .output import print_json

__all__ = ["StepPrinter"]

_NAME_CHARS = 18
"""Width of the names: the longest of ours."""


class StepPrinter:
    """Prints steps on standard output.

    Args:
        as_json: print nothing until the end.
    """

    def __init__(self, *, as_json: bool) -> None:
        self._json = as_json

    def __call__(self, step: Step) -> None:
        """See ``doctor.Tell``."""
        if self._json:
            return
        took = "" if step.ms is None else f"{step.ms:.0f} ms" if step.ms >= 10 else f"{step.ms:.1f} ms"
        _print(f"{step.state.value:<8}{step.name:<{_NAME_CHARS}} {took:>8}  ", step.detail)
        if step.hint:
            word = "try" if step.state is State.FAILED else "note"
            _print(" " * (_NAME_CHARS + 19), f"{word}: {step.hint}")

    def end(self, outcome: Outcome) -> None:
        """The JSON document, if there is to be one."""
        if self._json:
            print_json(outcome.to_json())


def _print(head: str, text: str) -> None:
    """One line; at a terminal as many as it takes, for a word that is cut in two cannot be copied."""
    lines = [f"{head}{text}".rstrip()]
    if sys.stdout.isatty() and text:
        width = max(len(head) + 24, shutil.get_terminal_size().columns)
        lines = textwrap.wrap(
            text,
            width,
            initial_indent=head,
            subsequent_indent=" " * len(head),
            break_on_hyphens=False,
            break_long_words=False,
        )
    print("\n".join(lines), flush=True)
