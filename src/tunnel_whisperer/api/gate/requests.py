"""What a request says of where it comes from, and whether that may be. Pure: from an ASGI scope.

A browser sends our cookie along with what other pages make it ask; the checks here tell those from
our own. ``Sec-Fetch-*`` (W3C Fetch Metadata) and ``Origin`` (RFC 6454) cannot be set by a page.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

__all__ = ["SAFE_METHODS", "Request", "is_forged"]

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True, slots=True)
class Request:
    """An ASGI scope of kind ``http`` or ``websocket``."""

    method: str
    """Upper case; of a WebSocket ``GET``."""
    path: str
    """Decoded, as routes are matched."""
    headers: dict[str, list[str]]
    """Values by name in lower case, in their order."""
    address: str
    """Of who asks; empty on a Unix socket."""
    server: tuple[str, int | None] | None
    """The socket's own address."""
    websocket: bool

    @classmethod
    def of(cls, scope: dict[str, Any]) -> Request:
        """Read a scope."""
        headers: dict[str, list[str]] = {}
        for name, value in scope["headers"]:
            headers.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))
        client, server = scope.get("client"), scope.get("server")
        websocket = scope["type"] == "websocket"
        return cls(
            "GET" if websocket else scope["method"].upper(),
            scope["path"],
            headers,
            str(client[0]) if client else "",
            (server[0], server[1]) if server else None,
            websocket,
        )

    def header(self, name: str) -> str:
        """The one value of a header; empty when it is not there, or there twice."""
        values = self.headers.get(name, [])
        return values[0] if len(values) == 1 else ""

    @property
    def wants_page(self) -> bool:
        """Whether the answer is shown to a person, as opposed to a page or program that fetches something."""
        return (
            not self.websocket
            and "text/html" in self.header("accept")
            and (self.header("sec-fetch-mode") or "navigate") == "navigate"
        )

    @property
    def is_navigation(self) -> bool:
        """Whether a person opens a page."""
        return self.method in ("GET", "HEAD") and self.wants_page

    @property
    def has_body(self) -> bool:
        """Whether bytes follow the head."""
        return "transfer-encoding" in self.headers or self.header("content-length") not in ("", "0")

    @property
    def is_form(self) -> bool:
        """Whether the body is what an HTML form sends."""
        kind = self.header("content-type").partition(";")[0].strip().lower()
        return kind in ("application/x-www-form-urlencoded", "multipart/form-data")

    def oddity(self) -> str:
        """What no honest program sends, in words; empty when there is nothing of it.

        Two readers of one request must not understand it in two ways (request smuggling), and a path
        means what it says.
        """
        for name in (
            "host",
            "content-length",
            "transfer-encoding",
            "authorization",
            "origin",
            "x-csrf-token",
        ):
            if len(self.headers.get(name, [])) > 1:
                return f"two headers {name}"
        if "transfer-encoding" in self.headers and "content-length" in self.headers:
            return "two lengths of one body"
        length = self.header("content-length")
        if length and not (length.isascii() and length.isdigit() and len(length) <= 15):
            return "a length that is no number"
        if any(part in (".", "..") for part in self.path.split("/")):
            return "a path with dots"
        if "\\" in self.path or not self.path.startswith("/") or not self.path.isprintable():
            return "a path with odd characters"
        return ""

    def cookie(self, name: str) -> str:
        """The one value of a cookie; empty when it is not there, or there twice: cookies of other ports
        and paths reach us, too, and nobody can tell which is ours."""
        pairs = [pair.partition("=") for line in self.headers.get("cookie", []) for pair in line.split(";")]
        values = [value.strip() for key, _, value in pairs if key.strip() == name]
        return values[0] if len(values) == 1 else ""

    def bearer(self) -> str | None:
        """The token of ``Authorization: Bearer``; None when there is no such header."""
        kind, _, token = self.header("authorization").partition(" ")
        return token.strip() if kind.lower() == "bearer" else None


def is_forged(request: Request, own: str) -> bool:
    """Whether a request that a browser sends, cookie or not, comes from another page than ours.

    Args:
        own: our origin, under the name that this request was sent to.
    """
    origin = request.header("origin")
    site = request.header("sec-fetch-site").lower()
    if origin and origin.lower() != own:  # "null" as well: a sandboxed frame, a data: URL
        return True
    if request.websocket or request.method not in SAFE_METHODS:
        return not origin and site != "same-origin"
    if site in ("", "none", "same-origin"):
        return False
    # From elsewhere, a page may be opened. It may not be embedded, or fetched: localhost:3000 is the
    # same site as localhost:8080, so SameSite does not keep our cookie from it.
    return not (request.is_navigation and request.header("sec-fetch-dest") in ("", "document"))
