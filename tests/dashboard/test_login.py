"""The pages of who is not logged in."""

from __future__ import annotations

import re

import pytest

from tests.kit.html import read_html
from tunnel_whisperer.api.gate.login_page import PAGES
from tunnel_whisperer.dashboard import render_login
from tunnel_whisperer.dashboard.login import LOGIN_KINDS


def test_each_kind_of_the_gate_has_a_page() -> None:
    assert {kind: title for kind, (title, _) in PAGES.items()} == LOGIN_KINDS


@pytest.mark.parametrize("kind", LOGIN_KINDS)
def test_a_page_loads_what_everybody_may_have_and_nothing_else(kind: str) -> None:
    text = render_login(kind, "")
    assert not re.search(r"<(script|style|iframe)|\bstyle=|\bon[a-z]+=|https?:", text)
    loaded = re.findall(r'<(?:link|img)[^>]*(?:href|src)="([^"]+)"', text)
    assert loaded and all(path.startswith("/static/") for path in loaded)
    page = read_html(text)
    assert len(page.all("link", rel="icon")) == 1
    assert page.one("h1").words == LOGIN_KINDS[kind]
    assert not page.all("", role="alert")


def test_only_the_form_asks_for_a_password() -> None:
    assert [kind for kind in LOGIN_KINDS if "<form" in render_login(kind, "")] == ["password"]
    page = read_html(render_login("password", ""))
    field = page.one("form", action="/login", method="post").one("input", name="password")
    assert field.attrs["type"] == "password" and page.one("label").attrs["for"] == field.attrs["id"]


def test_an_error_is_text() -> None:
    text = render_login("link", "<b>&\"'</b>")
    assert "<b>" not in text
    assert read_html(text).one("p", role="alert").words == "<b>&\"'</b>"
