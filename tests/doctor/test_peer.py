from __future__ import annotations

import ssl

import pytest

from tests.net.certificates import Certificates
from tunnel_whisperer.doctor.peer import Peer, read_peer


def test_the_issuer_and_the_end_of_a_certificate_are_read(certificates: Certificates) -> None:
    peer = read_peer(
        ssl.PEM_cert_to_DER_cert(
            certificates.relay[0].read_text().split("-----END")[0] + "-----END CERTIFICATE-----\n"
        )
    )
    assert peer.issuer.startswith("relay") and peer.ends is not None and not peer.inspector


@pytest.mark.parametrize("der", [None, b"", b"\x30\x03junk", bytes(100)])
def test_what_is_no_certificate_is_nobodys(der: bytes | None) -> None:
    assert read_peer(der).ends is None


@pytest.mark.parametrize(
    ("issuer", "opens"),
    [
        ("Zscaler Root CA", True), ("FG200F, Fortinet", True), ("ACME Corp TLS Inspection CA", True), ("mitmproxy", True),
        ("R11, Let's Encrypt", False), ("DigiCert Global G2 TLS RSA SHA256 2020 CA1", False), ("ISRG Root X1", False), ("GTS CA 1C3", False),
    ],
)  # fmt: skip
def test_who_opens_tls_for_a_living_is_known_by_name(issuer: str, opens: bool) -> None:
    assert Peer(issuer, None).inspector is opens
