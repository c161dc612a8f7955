"""Accessibility, keyboard and narrow screen: the kit finds what is wrong, and nothing where nothing is."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import PagesFactory, VisitorFactory
from tests.browser.site_of_pages import Pages, html
from tests.kit.browser import NARROW
from tests.kit.browser_axe import assert_accessible
from tests.kit.browser_keys import assert_walkable, focus_on, tab_stops
from tests.kit.browser_looks import assert_fits, narrow, picture, scheme

FORM = """
<form action='/'>
  <label>Name <input name='name'></label>
  <fieldset><legend>Size</legend>
    <label><input type='radio' name='size' value='s' checked> small</label>
    <label><input type='radio' name='size' value='l'> large</label>
  </fieldset>
  <button>Save</button> <button disabled>Later</button>
</form>
<p><a href='/'>Home</a></p>
"""
STYLE = "<link rel='stylesheet' href='/x.css'><meta name='viewport' content='width=device-width'>"
CSS = {
    "no-ring": ":focus { outline: none; }",
    "faint": "p { color: #bbb; } body { background: white; }",
    "wide": "p { width: 700px; }",
    "wide-inside": "main { overflow-x: auto; } p { width: 700px; }",
    "schemes": "@media (prefers-color-scheme: dark) { body { background: rgb(1, 2, 3); } }",
    "drawn-box": (
        "input { position: absolute; opacity: 0; } label:has(:focus-visible) { outline: 2px solid black; }"
    ),
    "plain": "",
}


class Opener:
    """Opens a page with this body and one of the styles."""

    def __init__(self, visitor: VisitorFactory, pages: Pages) -> None:
        self._someone = visitor(pages.origin)
        self._pages = pages

    def __call__(self, body: str, style: str = "plain", script: str = "") -> Page:
        self._pages.content |= {
            "/": html(body + "<script src='/x.js'></script>", STYLE),
            "/x.css": CSS[style],
            "/x.js": script,
        }
        return self._someone.open("/")


@pytest.fixture
def opened(visitor: VisitorFactory, serve: PagesFactory) -> Opener:
    return Opener(visitor, serve({}))


def test_an_accessible_page_is_let_through(opened: Opener) -> None:
    assert_accessible(opened(FORM))


@pytest.mark.parametrize(
    ("rule", "body", "style"),
    [
        ("critical: image-alt", "<img src='/icon.svg'>", "plain"),
        ("critical: label", "<input name='x'>", "plain"),
        ("critical: button-name", "<button></button>", "plain"),
        ("serious: color-contrast", "<p>hard to read</p>", "faint"),
        ("serious: tabindex", "<button tabindex='2'>first</button>", "plain"),
        ("moderate: heading-order", "<h4>too deep</h4>", "plain"),
    ],
)
def test_what_is_not_accessible_is_told(opened: Opener, rule: str, body: str, style: str) -> None:
    page = opened(body, style)
    with pytest.raises(AssertionError, match=f"is not accessible:\n(.*\n)*{rule}"):
        assert_accessible(page)


def test_the_form_can_be_walked(opened: Opener) -> None:
    stops = assert_walkable(opened(FORM))
    assert [str(stop) for stop in stops] == [
        "<input> 'Name'",
        "<input> 'small'",
        "<button> 'Save'",
        "<a> 'Home'",
    ]


def test_a_focus_that_nobody_sees_is_told(opened: Opener) -> None:
    with pytest.raises(AssertionError, match=r"nobody sees .*\n.*<button> 'Save'"):
        assert_walkable(opened("<button>Save</button>", "no-ring"))


def test_a_ring_around_the_label_is_seen(opened: Opener) -> None:
    assert_walkable(opened("<label><input type='checkbox'> on</label>", "drawn-box"))


def test_what_tab_does_not_lead_to_is_told(opened: Opener) -> None:
    dodging = "document.getElementById('b').addEventListener('focus', (event) => document.getElementById('c').focus());"
    page = opened("<button>a</button><button id='b'>dodges</button><button id='c'>c</button>", script=dodging)
    with pytest.raises(AssertionError, match=r"Tab does not lead to:\n.*dodges"):
        assert_walkable(page)


def test_a_trap_is_told(opened: Opener) -> None:
    trap = (
        "document.getElementById('b').addEventListener('keydown', (event) => {"
        " if (event.key === 'Tab') event.preventDefault(); });"
    )
    page = opened("<button>a</button><button id='b'>b</button><button>c</button>", script=trap)
    with pytest.raises(AssertionError, match="Tab goes round and round between <button> 'b' and"):
        tab_stops(page)


def test_keys_lead_to_a_button_and_press_it(opened: Opener) -> None:
    page = opened(
        FORM,
        script="document.querySelector('form').addEventListener('submit',"
        " (event) => { event.preventDefault(); document.title = 'saved'; });",
    )
    focus_on(page, "Save")
    page.keyboard.press("Enter")
    assert page.title() == "saved"
    with pytest.raises(AssertionError, match="does not lead to 'Later'"):
        focus_on(page, "Later")


def test_a_page_that_fits_a_phone_is_let_through(opened: Opener) -> None:
    page = opened(FORM)
    with narrow(page):
        assert page.evaluate("innerWidth") == NARROW.width
        assert_fits(page)
    assert page.evaluate("innerWidth") == 1280


def test_what_is_wider_than_the_phone_is_told(opened: Opener) -> None:
    page = opened("<p>long</p>", "wide")
    assert_fits(page)
    with narrow(page), pytest.raises(AssertionError, match=r"wider than the screen:\n(.*\n)*.*<p>long"):
        assert_fits(page)


def test_what_scrolls_inside_itself_fits(opened: Opener) -> None:
    with narrow(opened("<p>long</p>", "wide-inside")) as page:
        assert_fits(page)


def test_both_schemes_can_be_looked_at(opened: Opener) -> None:
    page = opened("", "schemes")
    background = "getComputedStyle(document.body).backgroundColor"
    assert page.evaluate(background) == "rgba(0, 0, 0, 0)"
    with scheme(page, "dark"):
        assert page.evaluate(background) == "rgb(1, 2, 3)"
    assert page.evaluate(background) == "rgba(0, 0, 0, 0)"


def test_two_pictures_of_a_page_are_the_same(
    opened: Opener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TW_SCREENSHOTS", raising=False)
    page = opened(FORM)
    page.get_by_label("Name").focus()
    one, other = picture(page, "one", tmp_path / "pictures"), picture(page, "other", tmp_path / "pictures")
    assert one.parent == tmp_path / "pictures"
    assert one.read_bytes() == other.read_bytes()


def test_pictures_for_the_docs_are_asked_for(
    opened: Opener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TW_SCREENSHOTS", "1")
    monkeypatch.setattr("tests.kit.browser_looks.PICTURES", tmp_path / "docs")
    page = opened(FORM)
    assert picture(page, "form", tmp_path, docs=True) == tmp_path / "docs" / "form.png"
    assert picture(page, "form", tmp_path) == tmp_path / "form.png"
