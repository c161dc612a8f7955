"""Flags of tw dashboard; tests/e2e/commands/test_dashboard.py runs it."""

from __future__ import annotations

from argparse import Namespace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tests.kit.command import Tw
from tunnel_whisperer.cli.dashboard import _opened
from tunnel_whisperer.daemon.notify import ServiceStatus
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


@pytest.mark.parametrize(
    ("door", "told"), [(None, []), (SimpleNamespace(url="https://192.0.2.7:8443"), ["READY=1"])]
)
def test_a_service_tells_where_others_reach_its_dashboard(
    door: Any, told: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    heard: list[str] = []
    monkeypatch.setattr("tunnel_whisperer.daemon.notify._send", lambda environ, *words: heard.extend(words))
    doors = cast(Any, SimpleNamespace(door=door))
    _opened(Namespace(unattended=True, no_open=True), doors, ServiceStatus())
    assert heard == (told and [*told, f"STATUS=dashboard on {door.url}"])
    assert capsys.readouterr().out == ""  # no link in the log of a service
