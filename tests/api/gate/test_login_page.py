from __future__ import annotations

import re

import pytest

from tunnel_whisperer.api.gate import render_login
from tunnel_whisperer.api.gate.login_page import PAGES


@pytest.mark.parametrize("kind", PAGES)
def test_a_page_needs_nothing_that_its_policy_forbids(kind: str) -> None:
    page = render_login(kind, "")
    assert page.startswith("<!doctype html>")
    assert not re.search(r"<(script|style|link|img|iframe)|\bstyle=|\bon[a-z]+=|https?:", page)
    assert "alert" not in page


def test_only_the_form_asks_for_a_password() -> None:
    assert [kind for kind in PAGES if "<form" in render_login(kind, "")] == ["password"]


def test_an_error_is_text() -> None:
    page = render_login("link", "<b>&\"'</b>")
    assert '<p role="alert">&lt;b&gt;&amp;&quot;&#x27;&lt;/b&gt;</p>' in page
