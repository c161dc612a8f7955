"""What a role says when it is up."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from tunnel_whisperer.cli.started import say_started, started_lines
from tunnel_whisperer.daemon.client_root import ClientRoot
from tunnel_whisperer.daemon.relay_root import RelayRoot
from tunnel_whisperer.daemon.server_root import ServerRoot


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
