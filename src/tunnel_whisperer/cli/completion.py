"""``tw completion``."""

from __future__ import annotations

import argparse
import sys

from .completion_scripts import PLACES, SCRIPTS

EXAMPLE = "tw completion bash > ~/.local/share/bash-completion/completions/tw"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("shell", choices=tuple(SCRIPTS), help="for which shell")


def run(args: argparse.Namespace) -> int:
    """Print the script that makes this shell complete commands, flags and names of tw."""
    print(SCRIPTS[args.shell], end="")
    if sys.stdout.isatty():
        print(f"tw: write this to {PLACES[args.shell]}", file=sys.stderr)
    return 0
