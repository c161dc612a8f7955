"""The menu of each role."""

from __future__ import annotations

import pytest

from tunnel_whisperer.dashboard.menu import MENU, menu_of


@pytest.mark.parametrize(
    ("mode", "has", "has_not"),
    [
        (None, {"/setup", "/contexts"}, {"/", "/users", "/servers", "/ports", "/settings"}),
        ("server", {"/", "/users", "/apps", "/audit"}, {"/setup", "/servers", "/ports"}),
        ("relay", {"/", "/servers", "/relay", "/audit"}, {"/setup", "/users", "/ports"}),
        ("client", {"/", "/ports"}, {"/setup", "/users", "/servers", "/audit"}),
    ],
)
def test_a_role_has_its_pages(mode: str | None, has: set[str], has_not: set[str]) -> None:
    paths = {entry.path for entry in menu_of(mode)}
    assert has <= paths and not paths & has_not


def test_no_page_is_there_twice() -> None:
    paths = [entry.path for entry in MENU]
    assert len(paths) == len(set(paths))
