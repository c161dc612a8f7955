"""The gate itself: ASGI middleware around everything that a listener serves.

In this order: a request that can be read in two ways (400), a name that is not ours (421), a
preflight (403), another page's request (403), no key (303 to /login, or 401), a key that may not
(403), a body that is too long (413). What is left reaches the app, with its ``Admission`` in the
scope. Every response gets the headers of ``headers.py``.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from .admission import Admission
from .bodies import Body
from .exchange import Exchange, send_reply, too_big
from .key_book import KeyBook
from .keys import Key, Kind, Scope, csrf_token
from .policy import GuardPolicy
from .replies import Reply, problem, redirect, text
from .requests import SAFE_METHODS, Request, is_forged

__all__ = ["App", "Guard"]

_log = logging.getLogger("tw.api")

Message = dict[str, Any]
App = Callable[[Any, Any, Any], Awaitable[None]]

_LOG_IN = "run tw dashboard on this machine for a login link, or send a token as Authorization: Bearer"


class Guard:
    """Around one app, for one listener.

    The server in front must not take a peer's word for its address or scheme (uvicorn:
    ``proxy_headers=False``), nor add headers (``server_header=False``).

    Args:
        app: what is behind the gate.
        policy: what it lets through.
        book: the keys that it knows.
    """

    def __init__(self, app: App, policy: GuardPolicy, book: KeyBook) -> None:
        self._app = app
        self._policy = policy
        self._book = book

    async def __call__(
        self,
        scope: Any,
        receive: Callable[[], Awaitable[Any]],
        send: Callable[[Any], Awaitable[None]],
    ) -> None:
        """As ASGI asks for it."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] not in ("http", "websocket"):
            raise ValueError(f"an ASGI scope of kind {scope['type']!r}")
        request = Request.of(scope)
        found = self._admit(request)
        if self._book.is_behind():
            await asyncio.to_thread(self._book.flush)
        if isinstance(found, Reply):
            await self._refuse(request, found, receive, send)
            return
        body = Body(request, self._policy.body_limit(request.path), receive)
        if body.is_too_big:
            await self._refuse(request, too_big(request), receive, send)
            return
        found.store(scope)
        exchange = Exchange(request, self._policy, self._book, found, body, send)
        await exchange.run(self._app, scope)

    # -- the decision -------------------------------------------------------------------------------

    def _admit(self, request: Request) -> Admission | Reply:
        if oddity := request.oddity():
            return problem(400, "bad-http", f"the request has {oddity}")
        if self._policy.local:
            # A listener on TCP that was given this policy by mistake lets nobody in.
            if request.server is not None and request.server[1] is not None:
                return self._wrong_host()
            return Admission(None, local=True)
        own = self._policy.origin(request.header("host"), request.server)
        if own is None:
            return self._wrong_host()
        if "access-control-request-method" in request.headers and request.method == "OPTIONS":
            return problem(403, "request-forged", "other pages may not ask this API anything")
        token = request.bearer()
        if token is not None:
            return self._admit_program(request, token, own)
        if is_forged(request, own):
            return problem(
                403,
                "request-forged",
                "the request does not come from a page of this dashboard",
                "open the dashboard itself; programs send a token as Authorization: Bearer",
            )
        return self._admit_browser(request)

    def _wrong_host(self) -> Reply:
        return text(421, f"This is not the name of a Tunnel Whisperer dashboard. Open {self._policy.address}")

    def _admit_program(self, request: Request, token: str, own: str) -> Admission | Reply:
        origin = request.header("origin")
        if origin and origin.lower() != own:
            return problem(403, "request-forged", "the request comes from another page")
        key = self._book.find(token, Kind.TOKEN, request.address)
        if key is None:
            return self._no_key(request)
        if key.scope is Scope.READ and not self._is_reading(request):
            return problem(
                403,
                "key-reads-only",
                "this token may read the API and the metrics, and nothing else",
                "use a token of scope all",
            )
        return Admission(key, local=False)

    def _is_reading(self, request: Request) -> bool:
        if request.websocket or request.method not in ("GET", "HEAD"):
            return False
        return self._policy.may_read(request.path) or self._policy.is_open(request.path)

    def _admit_browser(self, request: Request) -> Admission | Reply:
        secret = request.cookie(self._policy.cookie)
        key = self._book.find(secret, Kind.BROWSER, request.address) if secret else None
        if key is None:
            is_open = self._policy.is_open(request.path) and not request.websocket
            return Admission(None, local=False) if is_open else self._no_key(request)
        return self._admit_known(request, key, csrf_token(secret))

    def _admit_known(self, request: Request, key: Key, csrf: str) -> Admission | Reply:
        if request.method in SAFE_METHODS or request.path == "/login":
            return Admission(key, local=False, csrf=csrf)
        given = request.header("x-csrf-token")
        if given and hmac.compare_digest(given.encode("latin-1"), csrf.encode()):
            return Admission(key, local=False, csrf=csrf)
        if not given and request.is_form and not request.path.startswith("/api/"):
            return Admission(key, local=False, csrf=csrf, unchecked=True)
        return problem(
            403, "request-forged", "the request lacks its page's X-CSRF-Token", "load the page again"
        )

    def _no_key(self, request: Request) -> Reply:
        if request.wants_page and not request.path.startswith("/api/"):
            return redirect("/login")
        more = [(b"www-authenticate", b"Bearer")]
        if "hx-request" in request.headers:  # htmx goes there, where it would show the refusal
            more.append((b"hx-redirect", b"/login"))
        return problem(
            401, "not-logged-in", "this needs a key, and none that is valid came with it", _LOG_IN, more
        )

    # -- the refusal --------------------------------------------------------------------------------

    async def _refuse(
        self,
        request: Request,
        reply: Reply,
        receive: Callable[[], Awaitable[Any]],
        send: Callable[[Any], Awaitable[None]],
    ) -> None:
        _log.debug("%s %s from %s: refused, %d", request.method, request.path, request.address, reply.status)
        if request.websocket:
            await receive()  # its "connect"; to close before "accept" is to answer 403
            await send({"type": "websocket.close", "code": 1008})
            return
        await send_reply(request, reply, send)
