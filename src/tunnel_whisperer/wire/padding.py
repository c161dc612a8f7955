"""The padding that makes the length of each request and response head vary.

A client puts ``x_padding=XXX..`` into the query of the ``Referer``; a server demands it and sends
an ``x-padding`` header back. Without a Referer, or with an empty one, the query of the request itself
counts; a Referer without padding does not fall back to it (Xray splithttp/xpadding.go; spec 3.2).
"""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import unquote_to_bytes

from .http import RequestHead, header

__all__ = ["MAX_PADDING", "MIN_PADDING", "Draw", "has_padding", "make_padding", "make_referer"]

Draw = Callable[[int, int], int]
"""``draw(lo, hi)`` returns a random integer of that range, both ends included."""

MIN_PADDING = 100
"""Shortest padding, sent and accepted."""

MAX_PADDING = 1000
"""Longest padding accepted; the longest one sent is one less (Xray draws from a half-open range)."""

_FIELD = "x_padding="


def make_padding(draw: Draw) -> str:
    """A run of 100 to 999 X."""
    return "X" * draw(MIN_PADDING, MAX_PADDING - 1)


def make_referer(scheme: str, authority: str, path: str, draw: Draw) -> str:
    """The Referer of a request: the base path without session, sequence number and query."""
    return f"{scheme}://{authority}{path}?{_FIELD}{make_padding(draw)}"


def has_padding(head: RequestHead) -> bool:
    """Whether a request carries padding of an accepted length; its characters are free."""
    padding = _padding_of(header(head.headers, "referer") or head.target)
    return padding is not None and MIN_PADDING <= len(padding) <= MAX_PADDING


def _padding_of(url: str) -> bytes | None:
    query = url.partition("#")[0].partition("?")[2]
    for field in query.split("&"):
        if field.startswith(_FIELD):
            return unquote_to_bytes(field[len(_FIELD) :].encode("latin-1", "replace"))
    return None
