"""Answers on standard output: a table for people, JSON for programs."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping, Sequence

__all__ = ["print_json", "print_rows"]


def print_json(value: object) -> None:
    """One JSON document."""
    print(json.dumps(value, indent=2, ensure_ascii=False))


def print_rows(rows: Sequence[Mapping[str, object]], columns: Sequence[str], empty: str) -> None:
    """A table with a head; ``empty`` says what to do when there is nothing.

    A value of several lines takes as many rows; what stands beside them stays empty.
    """
    if not rows:
        print(empty)
        return
    table = [[column.replace("_", " ") for column in columns]]
    for row in rows:
        cells = [str(row[column]).split("\n") for column in columns]
        table += map(list, itertools.zip_longest(*cells, fillvalue=""))
    widths = [max(len(line[i]) for line in table) for i in range(len(columns))]
    for line in table:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
