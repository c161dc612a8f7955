"""The machine of a standard relay, against what its administrator's context has."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from ..base.errors import Refused
from .report import Found

__all__ = ["check_machine"]

_TOLD = 3
"""Differences that are told one by one."""


async def check_machine(look: Callable[[], Awaitable[Sequence[str]]], where: str) -> Found[None]:
    """That nothing there is otherwise.

    Raises:
        Refused: ``relay-differs``, with what is.
        TwError: nobody could look.
    """
    faults = await look()
    if not faults:
        return Found(None, "the machine is as this context has it")
    more = f", and {len(faults) - _TOLD} more" if len(faults) > _TOLD else ""
    raise Refused(
        "relay-differs",
        f"{'; '.join(faults[:_TOLD])}{more}",
        where=where,
        hint="tw apply makes it as it should be",
    )
