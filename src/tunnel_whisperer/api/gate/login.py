"""Logging in and out: ``GET /login`` with a link's token, ``POST /login`` with the password, ``POST /logout``.

A login link is answered with a page that goes on to ``/`` by itself, and not with a redirect: the
link may have been opened from a mail or a chat, and a redirect would belong to that page, so that
the browser held the new SameSite=Strict cookie back. The page replaces the link in the history, and
tells nobody where it was.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Callable
from urllib.parse import parse_qs

from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from ...base.errors import Misuse, Refused
from ...base.limits import BROWSER_LIFE_S, LOGIN_BODY_TIMEOUT_S
from .admission import admission, check_form
from .attempts import Attempts
from .key_book import KeyBook
from .links import LoginLinks, is_visit
from .login_page import render_login
from .password import Password
from .policy import GuardPolicy

__all__ = ["Login"]

_log = logging.getLogger("tw.api")

_MAX_FIELDS = 8


class Login:
    """The endpoints of one listener. They work behind its ``Guard`` only.

    Args:
        attempts: shared by all listeners of a process, as ``links`` and ``password`` are.
        render: the page of a kind (``login_page.PAGES``) with an error, which may be empty.
        clock: seconds that only go forward.
    """

    def __init__(
        self,
        policy: GuardPolicy,
        book: KeyBook,
        links: LoginLinks,
        attempts: Attempts,
        password: Password,
        render: Callable[[str, str], str] = render_login,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._policy = policy
        self._book = book
        self._links = links
        self._attempts = attempts
        self._password = password
        self._render = render
        self._clock = clock

    def routes(self) -> list[Route]:
        """For the app's router."""
        return [
            Route("/login", self.show, methods=["GET"], name="login"),
            Route("/login", self.enter, methods=["POST"], name="enter"),
            Route("/logout", self.leave, methods=["POST"], name="leave"),
        ]

    async def show(self, request: Request) -> Response:
        """``GET /login``, and with ``?token=`` of a link."""
        tokens = request.query_params.getlist("token")
        if tokens:
            return await self._enter_by_link(request, tokens)
        if admission(request.scope).may_all:
            return RedirectResponse("/", 303)
        return self._page("")

    async def _enter_by_link(self, request: Request, tokens: list[str]) -> Response:
        if not is_visit(request.method, request.headers):
            return Response(status_code=503)  # a browser that looks ahead asks again when it is meant
        # The link first: other people's guesses keep nobody out who has a good one.
        if len(tokens) == 1 and self._links.use(tokens[0]):
            response = self._answer("entered", "", 200)
            response.headers["refresh"] = "0; url=/"
            response.headers["referrer-policy"] = "no-referrer"
            return await self._let_in(request, response)
        wait_s = self._attempts.begin(_address(request), self._clock())
        if wait_s > 0:
            return self._too_many(wait_s)
        _log.warning("a login link from %s is not valid", _address(request))
        return self._page(
            "This link was used already, or is over. Run tw dashboard again for a new one.", 403
        )

    async def enter(self, request: Request) -> Response:
        """``POST /login`` with the field ``password``."""
        try:
            fields = await _fields(request)
        except (ValueError, TimeoutError, ClientDisconnect):
            return self._page("The form did not arrive. Try again.", 400)
        if not self._has_password():
            return self._page("No password is set for this dashboard.", 403)
        address = _address(request)
        wait_s = self._attempts.begin(address, self._clock())
        if wait_s > 0:
            return self._too_many(wait_s)
        try:
            is_good = await self._password.verify(fields.get("password", ""))
        except Refused:
            return self._too_many(5)
        except Misuse as exc:
            _log.error("nobody can log in by password: %s (try: %s)", exc, exc.hint)
            return self._page("No password is set for this dashboard.", 403)
        if not is_good:
            _log.warning("a wrong password from %s", address)
            return self._page("This is not the password.", 403)
        self._attempts.succeeded(address)
        return await self._let_in(request, RedirectResponse("/", 303))

    async def leave(self, request: Request) -> Response:
        """``POST /logout`` with the field ``csrf``."""
        try:
            fields = await _fields(request)
        except (ValueError, TimeoutError, ClientDisconnect):
            fields = {}
        if not check_form(request.scope, fields.get("csrf")):
            return self._answer("left", "You are still logged in: load the page again, then log out.", 403)
        key = admission(request.scope).key
        if key is not None:
            await asyncio.to_thread(self._book.revoke, key.id)
            _log.info("browser %s logged out", key.id)
        response = self._answer("left", "", 200)
        response.headers["set-cookie"] = self._cookie("", 0)
        return response

    # -- answers ------------------------------------------------------------------------------------

    async def _let_in(self, request: Request, response: Response) -> Response:
        """The response, with the cookie of a new key; the browser's old one is over."""
        agent = request.headers.get("user-agent", "")
        issued = await asyncio.to_thread(self._book.add_browser, agent, _address(request))
        old = admission(request.scope).key
        if old is not None:
            await asyncio.to_thread(self._book.revoke, old.id)
        _log.info("browser %s logged in from %s", issued.key.id, _address(request))
        response.headers["set-cookie"] = self._cookie(issued.secret, int(BROWSER_LIFE_S))
        return response

    def _cookie(self, secret: str, life_s: int) -> str:
        secure = "; Secure" if self._policy.tls else ""
        return f"{self._policy.cookie}={secret}; Path=/; Max-Age={life_s}; HttpOnly; SameSite=Strict{secure}"

    def _page(self, error: str, status: int = 200) -> Response:
        return self._answer("password" if self._has_password() else "link", error, status)

    def _answer(self, kind: str, error: str, status: int) -> Response:
        return HTMLResponse(self._render(kind, error), status)

    def _too_many(self, wait_s: float) -> Response:
        seconds = math.ceil(wait_s)
        response = self._page(f"Too many failed logins. Try again in {_words(seconds)}.", 429)
        response.headers["retry-after"] = str(seconds)
        return response

    def _has_password(self) -> bool:
        try:
            return self._password.is_set()
        except Misuse as exc:
            _log.error("nobody can log in by password: %s (try: %s)", exc, exc.hint)
            return False


def _address(request: Request) -> str:
    return request.client.host if request.client is not None else ""


def _words(seconds: int) -> str:
    if seconds < 60:
        return "a second" if seconds == 1 else f"{seconds} seconds"
    minutes = math.ceil(seconds / 60)
    return "a minute" if minutes == 1 else f"{minutes} minutes"


async def _fields(request: Request) -> dict[str, str]:
    """The fields of a small form, each once.

    Raises:
        ValueError: it is none.
        TimeoutError, ClientDisconnect: it did not come in full.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    async with asyncio.timeout(LOGIN_BODY_TIMEOUT_S):
        body = await request.body()
    if not body:
        return {}
    if kind != "application/x-www-form-urlencoded":
        raise ValueError("not a form")
    parsed = parse_qs(body.decode("utf-8"), keep_blank_values=True, max_num_fields=_MAX_FIELDS)
    return {name: values[0] for name, values in parsed.items() if len(values) == 1}
