"""Files that a person has read, and that a change has to be read in again."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["check_golden"]

_FOLDER = Path(__file__).parent / "golden"


def check_golden(name: str, text: str) -> None:
    """Compare with the file; ``TW_GOLDEN=write`` writes it instead, to be read in the diff."""
    path = _FOLDER / name
    if os.environ.get("TW_GOLDEN") == "write":
        path.write_text(text)
    assert text == path.read_text(), f"{path} differs: run with TW_GOLDEN=write, and read the diff"
