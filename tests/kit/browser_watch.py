"""What goes wrong in a page without anybody looking at it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, ConsoleMessage, Request, Response, WebError, WebSocket

__all__ = ["LEFT", "Watch"]

LEFT = r"htmx:(afterRequest|sendAbort)|did not come: .*net::ERR_ABORTED"
"""What is said when one leaves a page that is being loaded, or loaded again; to be allowed."""

_STATIC = {"stylesheet", "script", "image", "font", "media", "manifest", "texttrack"}
_OWN_SCHEMES = {"data", "blob", "about"}
"""Addresses that no host is asked for."""
_TELL_VIOLATIONS = """
addEventListener("securitypolicyviolation", (event) => __tellViolation(
    `${event.effectiveDirective} forbids ${event.blockedURI || "inline"}`
    + ` (${event.sourceFile || "the page"}:${event.lineNumber}) ${event.sample}`));
"""


@dataclass(slots=True)
class _Exception:
    pattern: str
    needed: bool
    seen: bool = False


class Watch:
    """Collects the faults of all windows of one visitor.

    A fault is: an error or a warning of the console, an exception that no script caught, a breach of the
    content security policy, a request to another origin, a static file that did not come, an answer
    with a 5xx status.

    Args:
        context: whose windows.
        origin: the only one that may be asked.
        scripts: whether pages may run any.
    """

    def __init__(self, context: BrowserContext, origin: str, scripts: bool = True) -> None:
        self._origin = urlsplit(origin)
        self._scripts = scripts
        self._context = context
        self._found: list[str] = []
        self._exceptions: list[_Exception] = []
        context.expose_binding("__tellViolation", lambda _, text: self._add(f"policy: {text}"))
        context.add_init_script(_TELL_VIOLATIONS)
        context.on("console", self._on_console)
        context.on("weberror", self._on_error)
        context.on("request", self._on_request)
        context.on("requestfailed", self._on_failed)
        context.on("response", self._on_response)
        context.on("page", lambda page: page.on("websocket", self._on_websocket))

    def expect(self, pattern: str) -> None:
        """A fault whose text matches this regular expression must occur, and is none."""
        self._exceptions.append(_Exception(pattern, needed=True))

    def allow(self, pattern: str) -> None:
        """A fault whose text matches this regular expression may occur, and is none."""
        self._exceptions.append(_Exception(pattern, needed=False))

    def faults(self) -> list[str]:
        """What is wrong until now, in words; call it while the browser is awake."""
        self._let_arrive()
        wrong = [text for text in dict.fromkeys(self._found) if not self._is_excepted(text)]
        return wrong + [
            f"expected, but did not occur: {one.pattern}"
            for one in self._exceptions
            if one.needed and not one.seen
        ]

    def check(self) -> None:
        """Fail if there is any."""
        wrong = self.faults()
        assert not wrong, "the browser found:\n  " + "\n  ".join(wrong)

    def _let_arrive(self) -> None:
        # What a window has told before it answers has arrived when it answers.
        for page in self._context.pages:
            if not page.is_closed() and self._scripts:
                page.evaluate("new Promise((done) => setTimeout(done, 0))")

    def _is_excepted(self, text: str) -> bool:
        found = False
        for one in self._exceptions:
            if re.search(one.pattern, text):
                one.seen = found = True
        return found

    def _add(self, text: str) -> None:
        self._found.append(" ".join(text.split())[:500])

    def _is_ours(self, url: str) -> bool:
        parts = urlsplit(url)
        web = {"ws": "http", "wss": "https"}.get(parts.scheme, parts.scheme)
        return parts.scheme in _OWN_SCHEMES or (web, parts.netloc) == (
            self._origin.scheme,
            self._origin.netloc,
        )

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning", "assert"):
            self._add(f"console {message.type}: {message.text} ({message.location.get('url', '')})")

    def _on_error(self, error: WebError) -> None:
        self._add(f"uncaught: {error.error}")

    def _on_request(self, request: Request) -> None:
        if not self._is_ours(request.url):
            self._add(f"another host: {request.method} {request.url} ({request.resource_type})")

    def _on_websocket(self, socket: WebSocket) -> None:
        if not self._is_ours(socket.url):
            self._add(f"another host: {socket.url} (websocket)")

    def _on_failed(self, request: Request) -> None:
        if request.resource_type in _STATIC:
            self._add(f"did not come: {request.url}: {request.failure}")

    def _on_response(self, response: Response) -> None:
        if response.status >= 500 or (response.status >= 400 and response.request.resource_type in _STATIC):
            self._add(f"did not come: {response.url}: {response.status}")
