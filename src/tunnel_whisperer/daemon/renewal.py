"""Certificates of our own are renewed before they expire, in processes that run for years."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from ..base.errors import TwError

__all__ = ["renew_daily"]

_log = logging.getLogger("tw")

_DAY_S = 86_400.0


async def renew_daily(renew: Callable[[], object]) -> None:
    """Call ``renew`` once a day, until cancelled. It does nothing while there is time (30 days); a
    failure is logged, and tried again the next day."""
    while True:
        await asyncio.sleep(_DAY_S)
        try:
            renew()
        except TwError as exc:
            _log.error("the certificate cannot be renewed: %s", exc)
