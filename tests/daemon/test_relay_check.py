"""What a relay takes of its configuration."""

from __future__ import annotations

from pathlib import Path

import pytest

from tunnel_whisperer.base.errors import Misuse
from tunnel_whisperer.base.values import HostPort
from tunnel_whisperer.daemon.relay_check import check_relay, parse_listen
from tunnel_whisperer.pki import issue_server, make_ca
from tunnel_whisperer.profile import RelayConfig


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


def test_a_certificate_of_ones_own_is_looked_at_before_it_is_kept(tmp_path: Path) -> None:
    relay = RelayConfig(domain="relay.test", cert=str(tmp_path / "c.pem"), key=str(tmp_path / "k.pem"))
    with pytest.raises(Misuse) as caught:
        check_relay(relay)
    assert caught.value.code == "file-unreadable"
    ca = make_ca("mine")
    certificate, key = issue_server(ca, ["relay.test"])
    Path(relay.cert).write_text(certificate + ca.cert_pem)
    Path(relay.key).write_text(ca.key_pem)
    with pytest.raises(Misuse) as caught:
        check_relay(relay)
    assert caught.value.code == "bad-certificate"
    Path(relay.key).write_text(key)
    assert check_relay(relay) == HostPort("::", 443)
