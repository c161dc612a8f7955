"""What the gate answers itself: plain text to people, a problem (RFC 9457) to programs."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from http import HTTPStatus

from ...base.error_codes import ERROR_CODES
from .headers import Headers

__all__ = ["Reply", "problem", "redirect", "text"]


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole response."""

    status: int
    headers: Headers
    body: bytes = field(default=b"", repr=False)


def text(status: int, words: str) -> Reply:
    """A line for a person."""
    return _reply(status, b"text/plain; charset=utf-8", words.encode() + b"\n", [])


def problem(
    status: int, code: str, detail: str, hint: str = "", more: list[tuple[bytes, bytes]] | None = None
) -> Reply:
    """For a program.

    Args:
        code: key of ``ERROR_CODES``.
        more: further headers.
    """
    assert code in ERROR_CODES, f"undocumented error code {code!r}"
    body = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "detail": detail,
        "hint": hint,
    }
    return _reply(status, b"application/problem+json", json.dumps(body).encode(), more or [])


def redirect(path: str) -> Reply:
    """To a page of ours."""
    return _reply(303, b"text/plain; charset=utf-8", b"", [(b"location", path.encode("ascii"))])


def _reply(status: int, kind: bytes, body: bytes, more: list[tuple[bytes, bytes]]) -> Reply:
    headers = [(b"content-type", kind), (b"content-length", str(len(body)).encode()), *more]
    return Reply(status, headers, body)
