"""The browser kit finds each kind of fault, on pages that have one each; a good page has none."""

from __future__ import annotations

import asyncio

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import PagesFactory, VisitorFactory
from tests.browser.site_of_pages import POLICY, html

GOOD = {
    "/": html(
        "<p id='said'></p>", "<script defer src='/x.js'></script><link rel='stylesheet' href='/x.css'>"
    ),
    "/x.js": "document.getElementById('said').textContent = 'hello';",
    "/x.css": "p { color: black; }",
}


def test_a_good_page_is_let_through(visitor: VisitorFactory, serve: PagesFactory) -> None:
    pages = serve({**GOOD})
    someone = visitor(pages.origin)
    page = someone.open("/")
    assert page.locator("#said").text_content() == "hello"
    someone.watch.check()


@pytest.mark.parametrize(
    ("found", "page", "files"),
    [
        ("console error: it broke", "<script src='/x.js'></script>", {"/x.js": "console.error('it broke')"}),
        ("console warning: odd", "<script src='/x.js'></script>", {"/x.js": "console.warn('odd')"}),
        ("uncaught: .*no such thing", "<script src='/x.js'></script>", {"/x.js": "throw Error('no such thing')"}),
        (
            "uncaught: .*never kept",
            "<script src='/x.js'></script>",
            {"/x.js": "Promise.reject(Error('never kept'))"},
        ),
        ("policy: script-src-elem forbids inline", "<script>document.title = 'run'</script>", {}),
        ("policy: style-src-attr forbids inline", "<p style='color: red'>red</p>", {}),
        ("policy: script-src-attr forbids inline", "<button onclick='f()'>press</button>", {}),
        ("policy: script-src forbids eval", "<script src='/x.js'></script>", {"/x.js": "eval('1')"}),
        ("another host: GET http://other.invalid/x.png", "<img alt='' src='http://other.invalid/x.png'>", {}),
        ("policy: connect-src forbids https://127.0.0.1:1/", "<script src='/x.js'></script>", {"/x.js": "fetch('https://127.0.0.1:1/').catch(() => {})"}),
        ("did not come: .*/none.css: 404", "<link rel='stylesheet' href='/none.css'>", {}),
        ("did not come: .*/none.js: 404", "<script src='/none.js'></script>", {}),
        ("did not come: .*/none.png: 404", "<img alt='' src='/none.png'>", {}),
    ],
)  # fmt: skip
def test_a_fault_is_found(
    visitor: VisitorFactory, serve: PagesFactory, found: str, page: str, files: dict[str, str | int]
) -> None:
    pages = serve({"/": html(page), **files})
    someone = visitor(pages.origin)
    someone.open("/")
    with pytest.raises(AssertionError, match=found):
        someone.watch.check()
    someone.watch.allow("")  # this test's own end looks, too


FETCH = "fetch('{}').catch(() => 0).then(() => document.title = 'done')"


@pytest.mark.parametrize(
    ("found", "url"),
    [
        ("another host: GET http://127.0.0.1:1/", "http://127.0.0.1:1/"),
        ("another host: GET http://localhost:.*/", "http://localhost:1/"),
        ("did not come: .*/broken: 500", "/broken"),
    ],
)
def test_a_fault_of_a_script_is_found_where_no_policy_forbids_it(
    visitor: VisitorFactory, serve: PagesFactory, found: str, url: str
) -> None:
    content: dict[str, str | int] = {
        "/": html("<script src='/x.js'></script>"),
        "/x.js": FETCH.format(url),
        "/broken": 500,
    }
    pages = serve(content, POLICY.replace("connect-src 'self'", "connect-src *"))
    someone = visitor(pages.origin)
    expect(someone.open("/")).to_have_title("done")
    with pytest.raises(AssertionError, match=found):
        someone.watch.check()
    someone.watch.allow("")


def test_a_websocket_to_another_host_is_found(visitor: VisitorFactory, serve: PagesFactory) -> None:
    content: dict[str, str | int] = {
        "/": html("<script src='/x.js'></script>"),
        "/x.js": "new WebSocket('ws://localhost:1/').onclose = () => document.title = 'done'",
    }
    pages = serve(content, POLICY.replace("connect-src 'self'", "connect-src *"))
    someone = visitor(pages.origin)
    expect(someone.open("/")).to_have_title("done")
    with pytest.raises(AssertionError, match="another host: ws://localhost:1/"):
        someone.watch.check()
    someone.watch.allow("")


@pytest.mark.xfail(
    strict=True, raises=AssertionError, reason="the page has a fault: this shows that it counts"
)
def test_a_test_that_looks_at_no_fault_fails_for_it(visitor: VisitorFactory, serve: PagesFactory) -> None:
    pages = serve({"/": html("<p style='color: red'>red</p>")})
    visitor(pages.origin).open("/")


def test_a_second_window_is_watched(visitor: VisitorFactory, serve: PagesFactory) -> None:
    bad = {"/bad": html("<script src='/x.js'></script>"), "/x.js": "console.error('there')"}
    pages = serve({"/": html(""), **bad})
    someone = visitor(pages.origin)
    someone.open("/")
    someone.another_window("/bad")
    with pytest.raises(AssertionError, match="console error: there"):
        someone.watch.check()
    someone.watch.allow("")


def test_a_fault_that_is_expected_is_none(visitor: VisitorFactory, serve: PagesFactory) -> None:
    pages = serve({"/": html("")})
    someone = visitor(pages.origin)
    someone.watch.expect("console error: .*404")
    someone.open("/nowhere")
    someone.watch.check()


def test_a_fault_that_is_expected_must_occur(visitor: VisitorFactory, serve: PagesFactory) -> None:
    pages = serve({"/": html("")})
    someone = visitor(pages.origin)
    someone.open("/")
    someone.watch.expect("console error: .*404")
    with pytest.raises(AssertionError, match="did not occur"):
        someone.watch.check()
    someone.open("/nowhere")


def test_people_do_not_share_cookies(visitor: VisitorFactory, serve: PagesFactory) -> None:
    cookie = {"/": html("<script src='/x.js'></script>"), "/x.js": "document.cookie = 'name=one'"}
    pages = serve({**cookie, "/look": html("")})
    one, other = visitor(pages.origin), visitor(pages.origin)
    one.open("/")
    other.open("/look")
    assert one.page.evaluate("document.cookie") == "name=one"
    assert other.page.evaluate("document.cookie") == ""
    assert one.another_window("/look").evaluate("document.cookie") == "name=one"


def test_no_loop_is_marked_as_running_for_the_tests_after_this_one() -> None:
    """Follows tests of the same file, so that the browser runs."""
    asyncio.run(asyncio.sleep(0))
