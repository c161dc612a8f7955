"""Flags of tw dashboard; tests/e2e/commands/test_dashboard.py runs it."""

from __future__ import annotations

import pytest

from tests.kit.command import Tw
from tunnel_whisperer.profile import Profile, running


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (("--port", "70000"), "70000"),
        (("--port", "x"), "x"),
        (("--cert", "cert.pem"), "--key"),
        (("--password-file", "x"), "--set-password"),
    ],
)
def test_what_does_not_go_together_is_refused(tw: Tw, words: tuple[str, ...], what: str) -> None:
    assert what in tw.refused("bad-argument", "dashboard", "--no-open", *words)


def test_a_process_that_runs_without_an_api_is_named(relay: Tw) -> None:
    with running(Profile(relay.directory), "tw serve"):
        assert "has no API (yet)" in relay.refused("not-set-up", "dashboard", "--no-open")
        assert "runs already" in relay.refused("bad-argument", "dashboard", "--no-open", "--no-start")


def test_a_context_that_is_not_there(relay: Tw) -> None:
    relay.refused("no-such-name", "dashboard", "--no-open", "--context", "nowhere")
