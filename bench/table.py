"""The table as text, and the record of a run as JSON."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from .line import Line

__all__ = ["machine", "render", "write"]

_STACKS = ("ours", "nested", "seed", "alone", "static")
_RESULTS = Path(__file__).with_name("results")
_ROOT = Path(__file__).resolve().parents[1]


def render(lines: Sequence[Line]) -> str:
    """All lines, in columns; notes below."""
    stacks = [name for name in _STACKS if any(name in line.figures for line in lines)]
    head = ["row", *stacks, "unit", "ratio", "bar", ""]
    cells = [head, *(_cells(line, stacks) for line in lines)]
    widths = [max(len(row[index]) for row in cells) for index in range(len(cells[0]))]
    right = {*range(1, len(stacks) + 1), len(stacks) + 2}
    text = [
        "  ".join(
            cell.rjust(width) if index in right else cell.ljust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in cells
    ]
    text.insert(1, "  ".join("-" * width for width in widths))
    notes = dict.fromkeys(f"{line.row}: {line.note}" for line in lines if line.note)
    return "\n".join([*text, "", *notes])


def _cells(line: Line, stacks: Sequence[str]) -> list[str]:
    return [
        line.row,
        *(_number(line.figures.get(name)) for name in stacks),
        line.unit,
        "" if line.ratio is None else f"{line.ratio:.2f}",
        line.bar,
        {True: "ok", False: "MISSED", None: "-"}[line.verdict],
    ]


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def machine() -> dict[str, Any]:
    """What the figures depend on."""
    model = "unknown"
    try:
        for text in Path("/proc/cpuinfo").read_text().splitlines():
            if text.startswith("model name"):
                model = text.partition(":")[2].strip()
                break
    except OSError:
        pass
    return {
        "cpu": model,
        "cores": os.cpu_count(),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "openssh": _first_line(["ssh", "-V"]),
        "tcp": {
            name: " ".join(_read(f"/proc/sys/net/ipv4/tcp_{name}").split())
            for name in ("congestion_control", "rmem", "wmem")
        },
        "load_before": os.getloadavg()[0],
        "commit": _commit(),
    }


def _read(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""


def _first_line(words: list[str]) -> str:
    try:
        done = subprocess.run(words, capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return (done.stdout + done.stderr).partition("\n")[0]


def _commit() -> str:
    """Short hash; with ``+`` where the tree differs from it."""
    commit = _first_line(["git", "-C", str(_ROOT), "rev-parse", "--short", "HEAD"])
    changed = _first_line(["git", "-C", str(_ROOT), "status", "--porcelain", "-uno", "--", "src"])
    return f"{commit}{'+' if changed else ''}"


def write(lines: Sequence[Line], about: dict[str, Any], arguments: Sequence[str]) -> Path:
    """Keep a run under results/."""
    now = time.strftime("%Y-%m-%dT%H%M")
    _RESULTS.mkdir(exist_ok=True)
    path = _RESULTS / f"{now}-{about['commit'].rstrip('+')}.json"
    record = {
        "date": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "machine": about,
        "arguments": list(arguments),
        "implementation": sys.implementation.name,
        "lines": [asdict(line) for line in lines],
    }
    path.write_text(json.dumps(record, indent=1) + "\n")
    return path
