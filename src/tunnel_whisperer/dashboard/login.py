"""What somebody sees who is not logged in, in the dashboard's look: for the gate, which knows no templates."""

from __future__ import annotations

from .page import render

__all__ = ["LOGIN_KINDS", "render_login"]

LOGIN_KINDS = {
    "password": "Log in",
    "link": "Log in",
    "entered": "You are logged in",
    "left": "You are logged out",
}
"""By kind, as the gate has them: their titles."""


def render_login(kind: str, error: str) -> str:
    """The page.

    Args:
        kind: one of ``LOGIN_KINDS``.
        error: what went wrong, in words; may be empty.
    """
    return render("login.html", kind=kind, title=LOGIN_KINDS[kind], error=error)
