"""Questions to the person at the terminal: asked on standard error, and never without a flag that answers.

``flag`` is always the way to answer without being asked: without a terminal it is what the refusal
says. Ctrl-D takes back the whole command, as Ctrl-C does.
"""

from __future__ import annotations

import getpass
import shutil
import sys
import textwrap
from collections.abc import Callable, Sequence
from typing import TypeVar

from ..base.errors import Misuse

__all__ = ["ask", "ask_secret", "at_terminal", "choose", "complain", "confirm"]

T = TypeVar("T")


def at_terminal() -> bool:
    """Whether somebody is there to be asked: a wizard begins only then."""
    return sys.stdin is not None and sys.stdin.isatty()


def confirm(question: str, *, flag: str = "--yes") -> bool:
    """Ask for a yes; anything else is a no.

    Raises:
        Misuse: ``bad-argument`` when nobody is there to answer.
    """
    if not at_terminal():
        raise Misuse(
            "bad-argument", "this needs a yes, and there is no terminal to ask at", hint=f"add {flag}"
        )
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def complain(exc: Misuse) -> None:
    """Say what is wrong with an answer; the question comes again."""
    text = f"{exc} (try: {exc.hint})" if exc.hint else str(exc)
    width = shutil.get_terminal_size().columns - 1
    lines = textwrap.wrap(text, width, initial_indent="  ", subsequent_indent="  ", break_on_hyphens=False)
    print("\n".join(lines), file=sys.stderr)


def ask(question: str, *, flag: str, check: Callable[[str], T], default: str | None = None) -> T:
    """Ask until the answer passes ``check``.

    Args:
        flag: as it is to be written instead, such as ``--expires TIME``.
        check: makes a value of the answer, or raises Misuse, which is shown before asking again.
        default: taken for an empty answer, and shown; None: an empty answer is asked again.

    Raises:
        Misuse: ``bad-argument`` without a terminal, and when the input ends.
    """
    _need_terminal(question, flag)
    shown = f" [{default}]" if default else ""
    while True:
        print(f"{question}{shown}: ", end="", file=sys.stderr, flush=True)
        line = sys.stdin.readline()
        if not line:
            raise _no_answer(flag)
        answer = line.strip()
        if not answer and default is None:
            continue
        try:
            return check(answer or default or "")
        except Misuse as exc:
            complain(exc)


def choose(
    question: str, options: Sequence[tuple[str, str]], *, flag: str, default: str | None = None
) -> str:
    """Let them choose by number or by key.

    Args:
        options: key and explanation of each.
        flag: see ``ask``.
        default: a key.

    Returns:
        The key.

    Raises:
        Misuse: see ``ask``.
    """
    _need_terminal(question, flag)
    keys = [key for key, _ in options]
    width = max(len(key) for key in keys)
    for number, (key, text) in enumerate(options, 1):
        print(f"  {number}  {key:<{width}}  {text}".rstrip(), file=sys.stderr)

    def check(answer: str) -> str:
        if answer in keys:
            return answer
        if answer.isascii() and answer.isdigit() and 1 <= int(answer[:4]) <= len(keys):
            return keys[int(answer[:4]) - 1]
        raise Misuse("bad-argument", f"{answer[:40]!r} is none of them", hint=f"1 to {len(keys)}")

    return ask(question, flag=flag, check=check, default=default)


def ask_secret(question: str, *, flag: str, twice: bool = False) -> str:
    """Ask for something that is not shown while it is typed.

    Args:
        twice: ask again, until both are the same: for a new secret, which a slip would lose.

    Raises:
        Misuse: see ``ask``.
    """
    _need_terminal(question, flag)
    while True:
        try:
            answer = getpass.getpass(f"{question}: ", stream=sys.stderr)
            if not answer:
                continue
            if not twice or getpass.getpass("once more: ", stream=sys.stderr) == answer:
                return answer
        except EOFError:
            raise _no_answer(flag) from None
        print("  these two differ; try again", file=sys.stderr)


def _need_terminal(question: str, flag: str) -> None:
    if not at_terminal():
        raise Misuse(
            "bad-argument",
            f"this needs an answer ({question}), and there is no terminal to ask at",
            hint=f"add {flag}",
        )


def _no_answer(flag: str) -> Misuse:
    print(file=sys.stderr)
    return Misuse("bad-argument", "no answer was given; nothing was changed", hint=f"answer with {flag}")
