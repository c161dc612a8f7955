"""What somebody sees who is not logged in: plain HTML, which the dashboard replaces by its own."""

from __future__ import annotations

import html

__all__ = ["PAGES", "render_login"]

PAGES: dict[str, tuple[str, str]] = {
    "password": (
        "Log in",
        (
            '<form method="post" action="/login"><label for="password">Password</label> '
            '<input id="password" name="password" type="password" autocomplete="current-password" required autofocus> '
            '<button type="submit">Log in</button></form>'
            "<p>Or run <code>tw dashboard</code> on the machine itself: it prints a link that logs you in.</p>"
        ),
    ),
    "link": (
        "Log in",
        (
            "<p>Run <code>tw dashboard</code> on this machine and open the link that it prints. "
            "The link works once, for ten minutes.</p>"
        ),
    ),
    "entered": ("You are logged in", '<p><a href="/">Go to the dashboard</a></p>'),
    "left": ("You are logged out", '<p><a href="/login">Log in again</a></p>'),
}
"""By kind: ``password`` (the form), ``link`` (no password is set), ``entered`` (shown for a blink after
a login link), ``left``."""


def render_login(kind: str, error: str) -> str:
    """The page.

    Args:
        kind: one of ``PAGES``.
        error: what went wrong, in words; may be empty.
    """
    title, content = PAGES[kind]
    alert = f'<p role="alert">{html.escape(error)}</p>' if error else ""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title} - Tunnel Whisperer</title></head>"
        f"<body><main><h1>{title}</h1>{alert}{content}</main></body></html>\n"
    )
