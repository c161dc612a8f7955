"""``python -m bench``: run the rows, print the table, keep the record."""

from __future__ import annotations

import argparse
import sys

from .line import Line, not_measured
from .rows import GROUPS, ROWS
from .session import Session
from .stacks.processes import Failed
from .table import machine, render, write


def main() -> int:
    """Returns 1 when a bar was missed or a row could not be measured."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--row", action="append", choices=[*ROWS, *GROUPS], help="only this one (repeatable)")
    parser.add_argument("--quick", action="store_true", help="one short round of each: for a look")
    parser.add_argument("--no-record", action="store_true", help="do not write under bench/results")
    args = parser.parse_args()
    about = machine()
    lines: list[Line] = []
    with Session(quick=args.quick) as session:
        for name in _names(args.row):
            print(f"bench: {name} ..", file=sys.stderr, flush=True)
            try:
                lines += ROWS[name](session)
            except (Failed, OSError, RuntimeError) as exc:
                lines.append(not_measured(name, f"{type(exc).__name__}: {exc}"))
    print(f"{about['cpu']}, {about['cores']} cores, Linux {about['kernel']}, Python {about['python']}")
    print(
        f"commit {about['commit']}, load {about['load_before']:.2f}, TCP {about['tcp']['congestion_control']}"
    )
    print()
    print(render(lines))
    if not args.no_record:
        print(f"\nkept in {write(lines, about, sys.argv[1:])}")
    return 0 if all(line.verdict is not False for line in lines) else 1


def _names(wanted: list[str] | None) -> list[str]:
    """Each once, in the order of the table."""
    every = [name for each in wanted or ROWS for name in GROUPS.get(each, [each])]
    return [name for name in ROWS if name in every]


if __name__ == "__main__":
    sys.exit(main())
