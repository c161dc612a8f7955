from __future__ import annotations

from dataclasses import replace

import pytest

from tunnel_whisperer.base.values import HostPort
from tunnel_whisperer.doctor.firewall import firewall_letter
from tunnel_whisperer.doctor.network import Findings, Network
from tunnel_whisperer.doctor.peer import Peer
from tunnel_whisperer.doctor.tls import Shown
from tunnel_whisperer.net.link import RelayEndpoint
from tunnel_whisperer.net.proxy import Proxy

NETWORK = Network(RelayEndpoint(HostPort("relay.example.org", 443)))
SHOWN = Shown("TLSv1.3", "h2", Peer("R11, Let's Encrypt", None))


def _fine() -> Findings:
    return Findings(
        ("203.0.113.10",),
        direct=True,
        shown=SHOWN,
        trusted=True,
        versions=["2", "1.1"],
        upload=True,
        silence=True,
    )


def test_it_names_host_port_protocol_and_why_in_one_paragraph() -> None:
    letter = firewall_letter(NETWORK, _fine())
    for words in (
        "connect to relay.example.org, TCP port 443 (today 203.0.113.10; the name counts).", "TLS 1.3", "HTTP/2 or HTTP/1.1",
        "Nothing comes in", "to single, named ports of another site", "exempt relay.example.org from TLS inspection", "idle timeout",
    ):  # fmt: skip
        assert words in letter
    assert "\n" not in letter and "  " not in letter and "Seen today" not in letter


def test_behind_a_proxy_it_is_the_proxy_that_has_to_connect_and_no_password_is_told() -> None:
    proxy = Proxy.parse("http://ann:secret@proxy.corp:3128")
    letter = firewall_letter(replace(NETWORK, endpoint=replace(NETWORK.endpoint, proxy=proxy)), _fine())
    assert "through the proxy proxy.corp:3128 (CONNECT relay.example.org:443)" in letter
    assert "secret" not in letter and "ann" not in letter.split()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"direct": False}, "no connection to it can be made"),
        ({"proxied": False}, "the proxy does not connect us"),
        ({"shown": Shown("TLSv1.2", "", SHOWN.peer)}, "TLSv1.2 is spoken instead of 1.3"),
        ({"shown": Shown("TLSv1.3", "", Peer("Zscaler", None))}, "was issued by Zscaler"),
        ({"versions": ["1.1"]}, "HTTP/2 does not get through"),
        ({"upload": False}, "uploads are held back"),
        ({"silence": False}, "silent for 15 seconds is cut"),
    ],
)
def test_what_stands_in_the_way_is_told(change: dict[str, object], words: str) -> None:
    letter = firewall_letter(NETWORK, replace(_fine(), **change))  # type: ignore[arg-type]
    assert "Seen today:" in letter and words in letter


def test_an_issuer_is_only_accused_where_the_right_one_is_known() -> None:
    unknown = replace(_fine(), trusted=False)
    assert "issued by" not in firewall_letter(NETWORK, unknown)
    pinned = replace(NETWORK, endpoint=replace(NETWORK.endpoint, ca_pem="PEM"))
    assert "issued by R11" in firewall_letter(pinned, unknown)


def test_an_address_is_not_repeated_and_what_is_not_known_is_not_told() -> None:
    network = replace(NETWORK, endpoint=RelayEndpoint(HostPort("203.0.113.10", 443)))
    letter = firewall_letter(network, replace(_fine(), upload=None, silence=None, shown=None, versions=[]))
    assert "today" not in letter
