"""Modules without a test file of their own name, and what covers them instead.

``module: (test file, why it is enough)``. Nothing enters here because a test is missing.
"""

from __future__ import annotations

__all__ = ["COVERED_ELSEWHERE"]

COVERED_ELSEWHERE: dict[str, tuple[str, str]] = {}
