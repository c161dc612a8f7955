"""When a response was made, as every origin server with a clock says (RFC 9110 section 6.6.1).

One that does not say it stands out: Go's server, and so Xray and Caddy, sends it with each
response, the bare 404 included (golden_server_responses.json: behind our fields, before the length).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from email.utils import formatdate
from functools import lru_cache

from ..wire.http import ResponseHead

__all__ = ["dated"]


def dated(head: ResponseHead, *, wall: Callable[[], float] = time.time) -> ResponseHead:
    """The head with the date that ``wall`` (Unix time) tells, where Go's server puts it."""
    field = ("date", _format(int(wall())))
    own = [pair for pair in head.headers if pair[0] != "content-length"]
    lengths = [pair for pair in head.headers if pair[0] == "content-length"]
    return ResponseHead(head.status, (*own, field, *lengths))


@lru_cache(maxsize=1)
def _format(second: int) -> str:
    return formatdate(second, usegmt=True)
