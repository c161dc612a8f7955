from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta

import pytest

from tunnel_whisperer.base.errors import Misuse, Unreachable
from tunnel_whisperer.pki import PIN_BYTES, issue_server, make_ca, pin_of, pinned_leaf

CA = make_ca("relay.example")


def _leaf(**kwargs: object) -> bytes:
    return ssl.PEM_cert_to_DER_cert(issue_server(CA, ["relay.example"], **kwargs)[0])  # type: ignore[arg-type]


def test_a_pin_is_short_and_belongs_to_the_key_not_to_the_certificate() -> None:
    assert len(pin_of(CA.cert_pem)) == PIN_BYTES
    assert pin_of(make_ca("renewed", key_pem=CA.key_pem).cert_pem) == pin_of(CA.cert_pem)
    assert pin_of(make_ca("relay.example").cert_pem) != pin_of(CA.cert_pem)


def test_what_the_pinned_ca_issued_is_taken() -> None:
    pem = pinned_leaf(_leaf(), pin_of(CA.cert_pem), "relay.example:443")
    assert ssl.PEM_cert_to_DER_cert(pem)


@pytest.mark.parametrize(
    "der", [b"", b"x" * 300, ssl.PEM_cert_to_DER_cert(issue_server(make_ca("x"), ["x"])[0])]
)
def test_an_impostors_certificate_is_refused_in_clear_words(der: bytes) -> None:
    with pytest.raises(Unreachable, match="not that of the relay which is meant") as caught:
        pinned_leaf(der, pin_of(CA.cert_pem), "relay.example:443")
    assert caught.value.code == "relay-tls-failed"
    assert caught.value.where == "relay.example:443"


def test_a_certificate_that_is_over_is_refused() -> None:
    old = datetime.now(UTC) - timedelta(days=30)
    with pytest.raises(Unreachable, match="not valid now"):
        pinned_leaf(_leaf(days=10, now=lambda: old), pin_of(CA.cert_pem), "relay.example:443")


def test_a_pin_that_is_no_point_is_refused() -> None:
    with pytest.raises(Unreachable):
        pinned_leaf(_leaf(), b"\x05" * PIN_BYTES, "relay.example:443")


def test_what_is_no_certificate_has_no_pin() -> None:
    with pytest.raises(Misuse):
        pin_of("x")
