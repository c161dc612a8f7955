"""``tw status``."""

from __future__ import annotations

import argparse
import shutil

from ..operations.condition import look
from .condition_text import describe
from .output import print_json
from .place import contexts_of, start_logging

EXAMPLE = "tw status"

_COLUMNS = 80
"""Lines are not longer, however wide the terminal is."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "--json", action="store_true", help="for programs; well is true, false, or null where nothing runs"
    )


def run(args: argparse.Namespace) -> int:
    """Tell how this machine stands, whatever state it is in, and what to do next."""
    start_logging(args, None, "error")
    found = look(contexts_of(args))
    if args.json:
        print_json(found.to_json())
        return 0
    for line in describe(found, min(_COLUMNS, shutil.get_terminal_size((_COLUMNS, 24)).columns)):
        print(line)
    return 0
