"""``tw``: find the command, run it, turn its errors into one line and an exit status."""

from __future__ import annotations

import argparse
import difflib
import errno
import importlib
import io
import os
import sys
import traceback
from collections.abc import Sequence
from typing import Any, NoReturn

from ..base.errors import Broken, Misuse, TwError, render
from ..base.redact import redact
from .overview import overview
from .table import COMMANDS, CommandEntry, find

__all__ = ["build_parser", "main"]

_INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``tw`` with these arguments (those of the process by default); returns the exit status."""
    words = list(sys.argv[1:] if argv is None else argv)
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A name that this terminal has no letters for is no reason to fail, least of all when all is done.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        status = _dispatch(words)
        print(end="", flush=True)  # while there is somebody to complain to
        return status
    except TwError as error:
        return _failed(error)
    except BrokenPipeError:  # the reader of our output went away, as `tw list | head` does
        _give_up_output()
        return 0
    except Exception as exc:  # noqa: BLE001 - whatever it is, a person reads one line
        if isinstance(exc, OSError) and exc.errno == errno.ENOSPC and exc.filename is None:
            _give_up_output()
            why = exc.strerror or "full"
            return _failed(Misuse("answer-not-written", why, where="standard output", hint="make room there"))
        return _broken(exc, words)
    except KeyboardInterrupt:
        print("tw: interrupted", file=sys.stderr)
        return _INTERRUPTED


def _failed(error: TwError) -> int:
    print(redact(render(error)), file=sys.stderr)
    if isinstance(error, Broken) and error.__cause__ is not None:
        print(f"tw: please report this: {error.__cause__!r}", file=sys.stderr)
    return error.exit_status


def _give_up_output() -> None:
    """What is still to be written goes nowhere: Python tries again at its end, and would complain."""
    own = sys.__stdout__
    if own is not None and sys.stdout is own:
        os.dup2(os.open(os.devnull, os.O_WRONLY), own.fileno())


def _broken(exc: Exception, words: list[str]) -> int:
    error = Broken("internal", f"{type(exc).__name__}: {exc}", hint="report this, with --log-level debug")
    if "debug" in words:
        traceback.print_exception(exc)
    print(redact(render(error)), file=sys.stderr)
    return error.exit_status


class _Parser(argparse.ArgumentParser):
    """An ArgumentParser that complains as everything else does."""

    def error(self, message: str) -> NoReturn:
        hint = f"{self.prog} --help"
        unknown = message.partition("unrecognized arguments: ")[2].split()
        below = [
            " ".join(entry.words)
            for entry in COMMANDS
            if f"tw {entry.words[0]}" == self.prog != f"tw {' '.join(entry.words)}"
        ]
        if unknown and (
            close := difflib.get_close_matches(f"{self.prog[3:]} {unknown[0]}", below, n=1, cutoff=0.8)
        ):
            hint = f"tw {close[0]}"
        raise Misuse("bad-argument", message, hint=hint)

    def _get_values(self, action: argparse.Action, arg_strings: list[str]) -> Any:
        # For argparse the -- of --flag=-- ends the flags, and the value is an empty list (seen with 3.11).
        if action.option_strings and arg_strings == ["--"]:
            raise argparse.ArgumentError(action, "expected one argument")
        return super()._get_values(action, arg_strings)


def _dispatch(words: list[str]) -> int:
    if not words or words[0] in ("-h", "--help", "help"):
        print(overview())
        return 0
    if words[0] in ("-V", "--version"):
        from importlib.metadata import version  # noqa: PLC0415 - keeps --help fast

        print(f"tw {version('tunnel-whisperer')}")
        return 0
    if words[0] == "--complete":
        from .completing import print_candidates  # noqa: PLC0415 - for shells alone

        print_candidates(words[1:])
        return 0
    found = find(words)
    if found is None:
        return _unknown(words)
    entry, length = found
    module = importlib.import_module(f".{entry.module}", __package__)
    parser = build_parser(entry, module)
    try:
        args = parser.parse_args(words[length:])
    except SystemExit:  # help is printed
        return 0
    status: int = module.run(args)
    return status


def build_parser(entry: CommandEntry, module: object) -> argparse.ArgumentParser:
    """The argument parser of one command: its own arguments, then those of all commands."""
    parser = _Parser(
        prog=" ".join(("tw", *entry.words)),
        description=f"{entry.summary[0].upper()}{entry.summary[1:]}.",
        epilog=f"example: {module.EXAMPLE}".replace("\n", "\n         "),  # type: ignore[attr-defined]
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    module.configure(parser)  # type: ignore[attr-defined]
    for action in parser._actions:
        if not action.option_strings and action.metavar is None and action.choices is None:
            action.metavar = action.dest.upper()  # as the reference and the other words of an example
    common = parser.add_argument_group("everywhere")
    common.add_argument(
        "--config-dir",
        metavar="DIR",
        help="directory of configuration and keys (default: TW_CONFIG_DIR, else the system's usual one)",
    )
    common.add_argument("--log-level", choices=("debug", "info", "warning", "error"), help="how much to log")
    common.add_argument("--log-format", choices=("text", "json"), help="how to log")
    return parser


def _unknown(words: list[str]) -> int:
    known = [" ".join(entry.words) for entry in COMMANDS]
    first = [name for name in known if name.split()[0] == words[0]]
    first = difflib.get_close_matches(" ".join(words[:2]), first, n=1, cutoff=0.8) or first
    if first:
        hint = "tw " + " | tw ".join(first)
    else:
        close = difflib.get_close_matches(" ".join(words[:2]), known, n=1, cutoff=0.5)
        close = close or difflib.get_close_matches(words[0], known, n=1, cutoff=0.5)
        hint = f"tw {close[0]}" if close else "tw --help"
    raise Misuse("bad-argument", f"there is no command {' '.join(words[:2])!r}", hint=hint)
