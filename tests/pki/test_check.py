from __future__ import annotations

import ssl
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from hypothesis import given
from hypothesis import strategies as st

from tunnel_whisperer.base.errors import Refused
from tunnel_whisperer.base.limits import MAX_CERTIFICATE_BYTES
from tunnel_whisperer.pki import check_client, issue_client, issue_server, make_ca
from tunnel_whisperer.pki.certificates import load_certificate, load_der, load_key

ALICE = uuid.UUID("0f0e0d0c-0b0a-4908-8706-050403020100")
START = datetime(2026, 3, 1, tzinfo=UTC)
CA = make_ca("plant", lambda: START)
LEAF = ssl.PEM_cert_to_DER_cert(issue_client(CA, ALICE, "alice", now=lambda: START)[0])


def _now(days: float = 1) -> Callable[[], datetime]:
    return lambda: START + timedelta(days=days)


def _refusal(der: bytes, ca_pem: str = CA.cert_pem, days: float = 1) -> str:
    with pytest.raises(Refused) as caught:
        check_client(der, ca_pem, _now(days))
    assert caught.value.code == "certificate-refused"
    return caught.value.why


_CLIENT_USAGE = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])


def _leaf(
    *extensions: tuple[x509.ExtensionType, bool], ca_pem: str = CA.cert_pem, key_pem: str = CA.key_pem
) -> bytes:
    """A certificate of the CA with these extensions and no others."""
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "someone")]))
        .issuer_name(load_certificate(ca_pem).subject)
        .public_key(ec.generate_private_key(ec.SECP256R1()).public_key())
        .serial_number(7)
        .not_valid_before(START)
        .not_valid_after(START + timedelta(days=9))
    )
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    return builder.sign(load_key(key_pem), hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def _san(*uris: str) -> tuple[x509.ExtensionType, bool]:
    return x509.SubjectAlternativeName([x509.UniformResourceIdentifier(uri) for uri in uris]), False


def test_the_uuid_of_a_good_certificate() -> None:
    assert check_client(LEAF, CA.cert_pem, _now()) == ALICE


def test_the_wall_clock_is_asked_by_default() -> None:
    ca = make_ca("plant")
    leaf = ssl.PEM_cert_to_DER_cert(issue_client(ca, ALICE, "alice")[0])
    assert check_client(leaf, ca.cert_pem) == ALICE


def test_a_certificate_that_names_nobody() -> None:
    assert check_client(_leaf((_CLIENT_USAGE, False)), CA.cert_pem, _now()) is None
    other = _leaf((_CLIENT_USAGE, False), _san("https://example.com/x"))
    assert check_client(other, CA.cert_pem, _now()) is None


def test_another_ca_is_refused_even_of_the_same_name() -> None:
    for name in ("plant", "other"):
        assert _refusal(LEAF, make_ca(name, lambda: START).cert_pem) == "another CA issued the certificate"


def test_the_dates_of_leaf_and_ca_count() -> None:
    assert _refusal(LEAF, days=-2) == "the certificate is not valid before 2026-02-28"
    assert _refusal(LEAF, days=731) == "the certificate ended on 2028-02-29"
    old = make_ca("plant", lambda: START - timedelta(days=3700), key_pem=CA.key_pem)
    assert _refusal(LEAF, old.cert_pem) == "the CA's certificate ended on 2026-01-10"


def test_the_last_second_is_valid() -> None:
    assert check_client(LEAF, CA.cert_pem, _now(730)) == ALICE


def test_the_ca_itself_and_a_relay_are_no_clients() -> None:
    assert _refusal(ssl.PEM_cert_to_DER_cert(CA.cert_pem)) == "the certificate is a CA's, not a client's"
    relay = ssl.PEM_cert_to_DER_cert(issue_server(CA, ["relay.example"], now=lambda: START)[0])
    assert _refusal(relay) == "the certificate is not for clients"
    assert _refusal(_leaf()) == "the certificate is not for clients"


def test_what_a_user_issues_with_its_leaf_is_refused() -> None:
    cert, key = issue_client(CA, ALICE, "alice", now=lambda: START)
    forged = _leaf((_CLIENT_USAGE, False), _san(uuid.UUID(int=5).urn), ca_pem=cert, key_pem=key)
    assert _refusal(forged) == "another CA issued the certificate"


def test_a_key_that_may_not_sign_is_refused() -> None:
    usage = x509.KeyUsage(False, False, True, False, False, False, False, False, False)
    assert _refusal(_leaf((_CLIENT_USAGE, False), (usage, True))) == "the certificate's key may not sign"


def test_an_unknown_critical_extension_is_refused_and_another_is_not() -> None:
    unknown = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.99999.1"), b"\x05\x00")
    why = _refusal(_leaf((_CLIENT_USAGE, False), (unknown, True)))
    assert why == "the certificate demands 1.3.6.1.4.1.99999.1, unknown here"
    assert check_client(_leaf((_CLIENT_USAGE, False), (unknown, False)), CA.cert_pem, _now()) is None


@pytest.mark.parametrize("uris", [["urn:uuid:nonsense"], [ALICE.urn, uuid.UUID(int=1).urn], ["urn:uuid:"]])
def test_a_name_that_is_not_one_uuid_is_refused(uris: list[str]) -> None:
    assert _refusal(_leaf((_CLIENT_USAGE, False), _san(*uris))) == "the certificate cannot be read"


def test_garbage_is_refused() -> None:
    assert _refusal(b"") == "the certificate cannot be read"
    assert _refusal(LEAF[:-1]) == "the certificate cannot be read"
    assert _refusal(LEAF + b"\0" * MAX_CERTIFICATE_BYTES) == "the certificate cannot be read"
    assert _refusal(LEAF, "garbage") == "the CA's certificate cannot be read"


@given(st.integers(0, len(LEAF) - 1), st.integers(1, 255))
def test_a_certificate_with_one_byte_changed_is_refused_or_says_the_same(at: int, flip: int) -> None:
    """The count of unused bits in front of the signature is the one byte that nobody's check needs."""
    changed = LEAF[:at] + bytes([LEAF[at] ^ flip]) + LEAF[at + 1 :]
    try:
        named = check_client(changed, CA.cert_pem, _now())
    except Refused:
        return
    assert named == ALICE
    assert load_der(changed).tbs_certificate_bytes == load_der(LEAF).tbs_certificate_bytes
