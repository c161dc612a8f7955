"""Logging set up once per process: one line per record, to standard error, scrubbed."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import IO

from .errors import Misuse
from .log_ring import LOGGERS, LogRing
from .redact import redact

__all__ = ["LEVELS", "current_level", "set_level", "set_up"]

LEVELS = ("debug", "info", "warning", "error")


class _TextFormatter(logging.Formatter):
    """One line per message, whatever a peer put into it: no second line that looks like one of ours,
    and nothing that a terminal obeys."""

    def format(self, record: logging.LogRecord) -> str:
        stamp = datetime.fromtimestamp(record.created, UTC).astimezone().strftime("%H:%M:%S")
        message = "".join(c if c.isprintable() else "?" for c in record.getMessage())
        line = f"{stamp} {record.levelname.lower():<7} {record.name}: {message}"
        if record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        return redact(line)


class _JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        fields = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": redact(record.getMessage()),
        }
        if record.exc_info:
            fields["exception"] = redact(self.formatException(record.exc_info))
        return json.dumps(fields, ensure_ascii=False)


def set_up(level: str = "info", fmt: str = "text", stream: IO[str] | None = None) -> None:
    """Send our records to ``stream`` (standard error); replaces an earlier set-up. A ring that is
    attached stays so.

    Args:
        level: one of ``LEVELS``.
        fmt: ``text`` or ``json``.

    Raises:
        Misuse: ``bad-argument``: no such level.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(_JsonFormatter() if fmt == "json" else _TextFormatter())
    for name in LOGGERS:
        logger = logging.getLogger(name)
        logger.handlers[:] = [handler, *(x for x in logger.handlers if isinstance(x, LogRing))]
        logger.propagate = False
    set_level(level)


def set_level(level: str) -> None:
    """Log what is at least of this level from now on.

    Args:
        level: one of ``LEVELS``.

    Raises:
        Misuse: ``bad-argument``: there is no such level.
    """
    if level not in LEVELS:
        raise Misuse("bad-argument", f"no log level {level!r}", hint=f"one of {', '.join(LEVELS)}")
    logging.getLogger("tw").setLevel(level.upper())
    # The SSH library narrates every channel at INFO; our own records say it better.
    logging.getLogger("asyncssh").setLevel(logging.DEBUG if level == "debug" else logging.WARNING)


def current_level() -> str:
    """The least level that is logged now, one of ``LEVELS``."""
    number = logging.getLogger("tw").getEffectiveLevel()
    return next((x for x in LEVELS if logging.getLevelNamesMapping()[x.upper()] >= number), LEVELS[-1])
