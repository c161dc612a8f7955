"""Where a relay listens; the rest is in test_three_roles."""

from __future__ import annotations

import pytest

from tunnel_whisperer.base.errors import Misuse
from tunnel_whisperer.base.values import HostPort
from tunnel_whisperer.daemon.relay_root import parse_listen


@pytest.mark.parametrize(
    ("text", "means"),
    [
        (":443", HostPort("::", 443)),
        ("443", HostPort("::", 443)),
        (":0", HostPort("::", 0)),
        ("0.0.0.0:8443", HostPort("0.0.0.0", 8443)),
        ("127.0.0.1:0", HostPort("127.0.0.1", 0)),
        ("[::1]:443", HostPort("::1", 443)),
        ("relay.test:443", HostPort("relay.test", 443)),
    ],
)
def test_every_form_is_read(text: str, means: HostPort) -> None:
    assert parse_listen(text) == means


@pytest.mark.parametrize("text", ["", ":", "x", "::1", "1.2.3.4", "host:port", ":70000", "[::1]", "a b:1"])
def test_nonsense_is_refused(text: str) -> None:
    with pytest.raises(Misuse):
        parse_listen(text)
