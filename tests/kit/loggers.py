"""Our loggers as they were: commands set logging up for the whole process, and a test must not."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["loggers_restored"]


@contextmanager
def loggers_restored() -> Iterator[None]:
    """Put back handlers, levels and the way to the root logger, where pytest listens."""
    names = ("tw", "asyncssh")
    before = [(x := logging.getLogger(name), x.handlers[:], x.propagate, x.level) for name in names]
    try:
        yield
    finally:
        for logger, handlers, propagate, level in before:
            logger.handlers[:] = handlers
            logger.propagate = propagate
            logger.setLevel(level)
