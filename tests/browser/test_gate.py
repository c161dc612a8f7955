"""The gate in a browser: logging in from elsewhere, our own forms, and a page of another site that tries."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from tests.browser.conftest import PagesFactory, VisitorFactory
from tests.browser.site_of_pages import html
from tests.kit.browser import Visitor
from tunnel_whisperer.api.gate import (
    Attempts,
    Guard,
    GuardPolicy,
    KeyBook,
    Login,
    LoginLinks,
    Password,
    admission,
    check_form,
)
from tunnel_whisperer.api.serving import serving
from tunnel_whisperer.api.threshold import bind_port

GOOD = "correct horse battery"
ANYTHING = "script-src 'unsafe-inline'; connect-src *; img-src *; frame-src *; form-action *"


class Gate:
    """A gate that listens, before a page that writes down what it was asked to do."""

    def __init__(self, directory: Path) -> None:
        self.done: list[str] = []
        self.links = LoginLinks()
        self.password = Password(directory)
        self.book = KeyBook(directory)
        self._loop = asyncio.new_event_loop()
        self._sock = bind_port("127.0.0.1", 0)
        port = int(self._sock.getsockname()[1])
        self.origin = f"http://127.0.0.1:{port}"
        self.policy = GuardPolicy(port=port)
        self._leave = asyncio.Event()
        self._is_up = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        assert self._is_up.wait(10)

    def end(self) -> None:
        self._loop.call_soon_threadsafe(self._leave.set)
        self._thread.join()
        self._loop.close()

    def _run(self) -> None:
        self._loop.run_until_complete(self._serve())

    async def _serve(self) -> None:
        login = Login(self.policy, self.book, self.links, Attempts(), self.password)
        routes = [
            *login.routes(),
            Route("/", self._home),
            Route("/end", self._end, methods=["POST"]),
            WebSocketRoute("/terminal", self._terminal),
        ]
        guard = Guard(Starlette(routes=routes), self.policy, self.book)
        async with serving(guard, self._sock, asyncio.Event()):
            self._is_up.set()
            await self._leave.wait()

    async def _home(self, request: Request) -> HTMLResponse:
        token = admission(request.scope).csrf
        form = f"<form method='post' action='/end'><input type='hidden' name='csrf' value='{token}'>"
        out = f"<form method='post' action='/logout'><input type='hidden' name='csrf' value='{token}'>"
        return HTMLResponse(html(f"{form}<button>End</button></form>{out}<button>Log out</button></form>"))

    async def _end(self, request: Request) -> HTMLResponse:
        async with request.form() as form:
            if not check_form(request.scope, form.get("csrf")):
                return HTMLResponse(html("forged"), 403)
        self.done.append("end")
        return HTMLResponse(html("It is ended."))

    async def _terminal(self, websocket: WebSocket) -> None:
        await websocket.accept()
        self.done.append("terminal")
        await websocket.close()


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Gate]:
    with ExitStack() as stack:
        made = Gate(tmp_path / "dashboard")
        stack.callback(made.end)
        yield made


@pytest.fixture
def someone(gate: Gate, visitor: VisitorFactory) -> Visitor:
    made: Visitor = visitor(gate.origin)
    made.watch.allow("")  # what is tried here is to go wrong
    return made


def _enter(gate: Gate, someone: Visitor) -> None:
    someone.page.goto(f"{gate.origin}/login?token={gate.links.make()}")
    someone.page.wait_for_url(f"{gate.origin}/")


def test_a_link_from_another_site_logs_in_and_leaves_no_trace(
    gate: Gate, someone: Visitor, serve: PagesFactory
) -> None:
    link = f"{gate.origin}/login?token={gate.links.make()}"
    chat = serve({"/": html(f"<a href='{link}'>here it is</a>")}).origin.replace("127.0.0.1", "localhost")
    page = someone.page
    page.goto(chat)
    page.get_by_role("link").click()
    page.wait_for_url(f"{gate.origin}/")
    expect(page.get_by_role("button", name="End")).to_be_visible()
    assert "token" not in page.evaluate("document.referrer")
    (cookie,) = someone.context.cookies()
    assert (cookie["name"], cookie["httpOnly"], cookie["sameSite"], cookie["path"]) == (
        gate.policy.cookie,
        True,
        "Strict",
        "/",
    )
    assert page.evaluate("document.cookie") == ""
    page.go_back()
    page.wait_for_url(f"{chat}/")


def test_our_own_forms_go_through(gate: Gate, someone: Visitor) -> None:
    gate.password.set(GOOD)
    page = someone.open("/")
    page.wait_for_url(f"{gate.origin}/login")
    page.get_by_label("Password").fill("wrong and long enough")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("alert")).to_have_text("This is not the password.")
    page.get_by_label("Password").fill(GOOD)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url(f"{gate.origin}/")
    page.get_by_role("button", name="End").click()
    expect(page.get_by_text("It is ended.")).to_be_visible()
    someone.open("/")
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_role("heading")).to_have_text("You are logged out")
    assert gate.done == ["end"]
    assert someone.context.cookies() == []
    assert gate.book.listed() == []


TRIES: dict[str, Callable[[str], str]] = {
    "a form": lambda at: f"<form id='f' method='post' action='{at}/end'></form><script>f.submit()</script>",
    "a form with files": lambda at: f"<form id='f' method='post' enctype='multipart/form-data' action='{at}/end'></form><script>f.submit()</script>",
    "fetch without CORS": lambda at: f"<script>fetch('{at}/end', {{method: 'POST', mode: 'no-cors', credentials: 'include', body: new URLSearchParams('a=b')}}).finally(() => document.title = 'tried')</script>",
    "fetch with CORS": lambda at: f"<script>fetch('{at}/', {{credentials: 'include'}}).then(() => document.title = 'read', () => document.title = 'tried')</script>",
    "fetch with a header": lambda at: f"<script>fetch('{at}/end', {{method: 'DELETE', headers: {{'x-csrf-token': 'x'}}, credentials: 'include'}}).then(() => document.title = 'read', () => document.title = 'tried')</script>",
    "a frame": lambda at: f"<iframe src='{at}/' onload='document.title = \"tried\"'></iframe>",
    "a WebSocket": lambda at: f"<script>const w = new WebSocket('{at.replace('http', 'ws')}/terminal'); w.onopen = () => document.title = 'read'; w.onerror = () => document.title = 'tried'</script>",
}  # fmt: skip


@pytest.mark.parametrize("what", TRIES)
@pytest.mark.parametrize("site", ["localhost", "127.0.0.1"])
def test_a_page_of_another_site_or_port_gets_nowhere(
    gate: Gate, someone: Visitor, serve: PagesFactory, what: str, site: str
) -> None:
    _enter(gate, someone)
    answers: list[Any] = []
    someone.page.on("response", lambda response: answers.append((response.url, response.status)))
    evil = serve({"/": html(TRIES[what](gate.origin))}, ANYTHING).origin.replace("127.0.0.1", site)
    page = someone.page
    page.goto(evil)
    if what.startswith("a form"):
        page.wait_for_url(f"{gate.origin}/**")
    else:
        page.wait_for_function("document.title == 'tried' || document.title == 'read'")
        assert page.title() == "tried"
    ours = [status for url, status in answers if url.startswith(gate.origin)]
    assert [status for status in ours if status < 400 and status != 303] == []
    assert gate.done == []
