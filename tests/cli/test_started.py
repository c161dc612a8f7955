"""What a role says when it is up."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from tunnel_whisperer.base.errors import Unreachable
from tunnel_whisperer.cli.started import ServiceStatus, say_started, started_lines
from tunnel_whisperer.daemon.client_root import ClientRoot
from tunnel_whisperer.daemon.relay_root import RelayRoot
from tunnel_whisperer.daemon.server_root import ServerRoot
from tunnel_whisperer.ssh.keeper import KeeperState, KeeperStatus


def _made(cls: type[Any], **values: object) -> Any:
    """A root with these values and nothing behind them."""
    return cast(Any, type("Root", (cls,), {"__init__": lambda self: None, **values})())


@pytest.mark.parametrize(
    ("root", "lines", "status"),
    [
        (
            _made(RelayRoot, domain="relay.test", bound="127.0.0.1:443"),
            ["relay relay.test: listening on 127.0.0.1:443"],
            "STATUS=listening on 127.0.0.1:443",
        ),
        (
            _made(ServerRoot, server_id="plant", relay_host="relay.test"),
            ["server plant: dialling relay.test"],
            "STATUS=dialling relay.test",
        ),
        (
            _made(
                ClientRoot,
                tunnel=SimpleNamespace(
                    ports=[SimpleNamespace(address="127.0.0.1:15432", target="127.0.0.1:5432")]
                ),
            ),
            ["127.0.0.1:15432 -> 127.0.0.1:5432"],
            "STATUS=local ports open: 1",
        ),
    ],
)
def test_each_role_says_what_is_open(
    root: Any,
    lines: list[str],
    status: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told: list[str] = []
    monkeypatch.setattr("tunnel_whisperer.daemon.notify._send", lambda environ, *words: told.extend(words))
    assert started_lines(root) == lines
    say_started(root)
    assert capsys.readouterr().out.splitlines() == lines
    assert told == ["READY=1", status]


def test_a_service_says_how_its_role_stands_and_where_its_dashboard_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told: list[tuple[str, ...]] = []
    monkeypatch.setattr("tunnel_whisperer.daemon.notify._send", lambda environ, *words: told.append(words))
    said = ServiceStatus()
    said.started(_made(ServerRoot, server_id="plant", relay_host="relay.test"))
    assert told == []  # it is ready when browsers can come, too
    said.bound("http://127.0.0.1:8080")
    said.session(KeeperStatus(KeeperState.UP, 0.0))
    said.session(KeeperStatus(KeeperState.WAITING, 0.0, Unreachable("timeout", "no answer"), 2.0))
    said.session(KeeperStatus(KeeperState.CONNECTING, 0.0))
    dashboard = "; dashboard on http://127.0.0.1:8080"
    assert told == [
        ("READY=1", f"STATUS=dialling relay.test{dashboard}"),
        (f"STATUS=connected{dashboard}",),
        (f"STATUS=not connected: timeout: no answer{dashboard}",),
        (f"STATUS=not connected: timeout: no answer{dashboard}",),
    ]


def test_a_service_without_a_role_or_without_a_dashboard_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    monkeypatch.setattr("tunnel_whisperer.daemon.notify._send", lambda environ, *words: told.extend(words))
    ServiceStatus().bound("http://127.0.0.1:8080")
    said = ServiceStatus()
    said.bound("")
    said.started(_made(RelayRoot, domain="relay.test", bound="127.0.0.1:443"))
    assert told == [
        "READY=1", "STATUS=dashboard on http://127.0.0.1:8080", "READY=1", "STATUS=no dashboard",
        "STATUS=listening on 127.0.0.1:443; no dashboard",
    ]  # fmt: skip
