"""Closing what a session does not offer.

asyncssh finds what a peer asks for by name: a channel of type ``x11`` is a call of
``_process_x11_open``, the global request ``tcpip-forward`` one of
``_process_tcpip_forward_global_request``, if there is such a method. So nothing is offered that
is not listed, whatever asyncssh can do and learns to do: the other methods are taken away, and it
answers "unknown".
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeVar

__all__ = ["offers_only"]

_ASKED_BY_NAME = re.compile(r"_process_\w+_(open|global_request)\Z")

C = TypeVar("C", bound=type)


def offers_only(*methods: str) -> Callable[[C], C]:
    """Class decorator for a connection of asyncssh: keep these methods of those that a peer can
    ask for by name."""

    def close_the_rest(cls: C) -> C:
        for name in methods:
            assert callable(getattr(cls, name)), name
        for name in dir(cls):
            if _ASKED_BY_NAME.match(name) and name not in methods:
                setattr(cls, name, None)
        return cls

    return close_the_rest
