"""All routes there are, each by itself: who may ask, what comes back, and that nothing happens unasked.

The walk is over the routes of the application: one that is new is among them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx
import pytest

from tests.api.whole import OPEN, Ask, Whole, nobody_else, the_whole
from tests.kit.clock import real_run
from tests.kit.every_role import ROLES, furnish
from tests.kit.html import read_html
from tunnel_whisperer.api.gate.policy import GuardPolicy

pytestmark = pytest.mark.xdist_group("whole-security")  # one machine of each role for all

EVIL = "http://evil.example"

_SECURE = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("models")
    for role in ROLES:
        furnish(made, role)
    return made


@pytest.fixture
def visit(models: Path, tmp_path: Path) -> Callable[..., None]:
    def run(act: Callable[[Whole], Awaitable[None]], role: str = "server") -> None:
        async def main() -> None:
            async with the_whole(models, tmp_path / "here", role) as whole:
                await act(whole)

        with nobody_else():
            real_run(main(), timeout_s=60)

    return run


def check_headers(ask: object, answer: httpx.Response) -> None:
    """What each response has, whatever it says."""
    headers = answer.headers
    assert not [name for name in headers if name.startswith("access-control-")], ask
    if isinstance(ask, Ask) and ask.websocket and answer.status_code == 403:
        return  # of the server itself, without a body: no page sees it
    for name, value in _SECURE.items():
        assert headers.get_list(name) == [value], f"{ask}: {name}"
    assert headers["referrer-policy"] in ("same-origin", "no-referrer"), ask
    (csp,) = headers.get_list("content-security-policy")
    assert "default-src 'none'; script-src 'self';" in csp and "frame-ancestors 'none'" in csp, ask
    assert (
        "unsafe-eval" not in csp and "'unsafe-inline'" not in csp.partition("script-src")[2].partition(";")[0]
    )
    assert "server" not in headers and "x-tw-allow" not in headers, ask
    if not answer.url.path.startswith("/static/") or answer.status_code >= 400:
        assert headers.get("cache-control") == "no-store", f"{ask} {answer.status_code}"


def test_without_a_key_nothing_is_shown_and_nothing_happens(visit: Callable[..., None]) -> None:
    async def act(whole: Whole) -> None:
        before = whole.state()
        found_open = set()
        for ask in whole.asks:
            for headers in ({}, {"accept": "text/html"}, {"authorization": "Bearer x"}):
                if str(ask) in OPEN and "authorization" in headers:
                    continue  # a key that is none is none, wherever it is shown
                answer = await whole.ask(ask, headers)
                check_headers(ask, answer)
                if answer.status_code == 303:
                    assert answer.headers["location"] == "/login" and "accept" in headers, ask
                elif answer.status_code not in (401, 403) or str(ask) == "POST /login":
                    found_open.add(str(ask))
        assert found_open == OPEN
        assert whole.state() == before

    visit(act)


def test_a_token_that_reads_reads_and_sees_no_secret(visit: Callable[..., None]) -> None:
    async def act(whole: Whole) -> None:
        before = whole.state()
        reader = whole.bearer(whole.reader)
        for ask in whole.asks:
            answer = await whole.ask(ask, reader)
            check_headers(ask, answer)
            if str(ask) in OPEN and not ask.changes:
                continue
            may = ask.path.startswith(("/api/", "/metrics")) and not ask.changes and not ask.websocket
            may = may and GuardPolicy().secrets.fullmatch(ask.path) is None
            assert (answer.status_code != 403) == may, f"{ask}: {answer.status_code}"
            if may:
                assert "content-disposition" not in answer.headers, ask
                for secret in ("PRIVATE KEY", "tw-join-", "tw-connect-", "tw-token-", "tw-browser-"):
                    text = answer.text if ask.path != "/api/v1/openapi.json" else ""  # it has made up ones
                    assert secret not in text, ask
        assert whole.state() == before

    visit(act)


def test_no_other_name_and_no_other_page_gets_anything(visit: Callable[..., None]) -> None:
    async def act(whole: Whole) -> None:
        before = whole.state()
        for ask in whole.asks:
            for host in (f"evil.example:{whole.port}", "127.0.0.1"):
                answer = await whole.ask(ask, {**whole.cookie, "host": host})
                assert answer.status_code == 421 or (ask.websocket and answer.status_code == 403), (
                    f"{ask} {host}"
                )
                check_headers(ask, answer)
            if not ask.changes and not ask.websocket:
                continue
            for headers in ({"origin": EVIL}, {"sec-fetch-site": "cross-site"}, {}):
                answer = await whole.ask(ask, {**whole.cookie, **headers})
                assert answer.status_code == 403, f"{ask} {headers}: {answer.status_code}"
                check_headers(ask, answer)
            preflight = {"origin": EVIL, "access-control-request-method": ask.method}
            answer = await whole.ask(f"OPTIONS {ask.path}", {**whole.cookie, **preflight})
            assert answer.status_code == 403, ask
            check_headers(ask, answer)
        assert whole.state() == before

    visit(act)


@pytest.mark.parametrize("role", ROLES)
def test_nothing_is_done_for_a_form_without_its_token(visit: Callable[..., None], role: str) -> None:
    async def act(whole: Whole) -> None:
        before = whole.state()
        for ask in whole.asks:
            if not ask.changes or str(ask) == "POST /login":
                continue
            wrong = (
                ({}, {"csrf": ""}, {"csrf": "x" * 43}, {"csrf": "ü"})
                if role == "server"
                else ({"csrf": "x"},)
            )
            for fields in wrong:
                answer = await whole.ask(ask, whole.page, data=fields)
                assert answer.status_code == 403, f"{ask}: {answer.status_code} {answer.text}"
                check_headers(ask, answer)
            if ask.is_form:
                answer = await whole.ask(ask, whole.page, files={"file": ("x", b"x")}, data={"csrf": "x"})
                assert answer.status_code == 403, f"{ask}: {answer.status_code}"
        assert whole.state() == before

    visit(act, role)


@pytest.mark.parametrize("role", ROLES)
def test_looking_changes_nothing_and_pages_have_nothing_inline(visit: Callable[..., None], role: str) -> None:
    async def act(whole: Whole) -> None:
        before = whole.state()
        for ask in whole.asks:
            if ask.changes or ask.websocket:
                continue
            for method in ("GET", "HEAD"):
                answer = await whole.ask(f"{method} {ask.path}", whole.cookie)
                check_headers(ask, answer)
                assert answer.status_code < 500, f"{ask}: {answer.text}"
                if answer.headers.get("content-type", "").startswith("text/html") and method == "GET":
                    check_page(ask, answer.text)
                assert "set-cookie" not in answer.headers, ask
            assert whole.state() == before, ask
        for path in (
            "/nothing",
            "/static/nothing",
            "/api/v1/nothing",
            "/users/%00",
            "/%2e%2e/%2e%2e/etc/passwd",
        ):
            answer = await whole.ask(f"GET {path}", whole.cookie)
            assert answer.status_code in (400, 404), path
            check_headers(path, answer)

    visit(act, role)


def check_page(ask: object, text: str) -> None:
    """Nothing that the policy for scripts and styles would have to allow."""
    for element in read_html(text).all():
        attrs = element.attrs
        if element.tag == "script":
            assert attrs.get("src", "").startswith("/static/") and not element.inside, ask
        if element.tag == "link":
            assert attrs["href"].startswith("/static/"), ask
        assert element.tag != "style" and "style" not in attrs, f"{ask}: a style in the page"
        assert not [name for name in attrs if name.startswith(("on", "hx-on"))], ask
        for name in ("href", "src", "action", "formaction", "hx-get", "hx-post"):
            target = attrs.get(name, "/")
            assert (not target or target.startswith(("/", "#", "?", "https://"))) and not target.startswith(
                "//"
            ), f"{ask}: {target}"


def test_each_route_can_be_asked(visit: Callable[..., None]) -> None:
    async def act(whole: Whole) -> None:
        names = [str(ask) for ask in whole.asks]
        assert len(names) == len(set(names)) and set(names) >= OPEN
        assert any(ask.websocket for ask in whole.asks)
        assert {"GET /metrics", "GET /api/v1/openapi.json", "GET /", "POST /logout"} <= set(names)

    visit(act)


def test_a_route_that_is_new_and_unknown_fails() -> None:
    from fastapi import FastAPI

    from tests.api.whole import walk

    app = FastAPI()
    app.add_api_route("/things/{thing}", lambda thing: thing)
    with pytest.raises(AssertionError, match="what could thing be"):
        walk(app)
    assert Ask("GET", "/x", "/x").changes is False
