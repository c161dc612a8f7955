"""Certificates and keys of others: what is read out of them, and the one way out for what is wrong.

The certificates are built with the library, not with ours, so that they may be as odd as they like.
"""

from __future__ import annotations

import ipaddress
import ssl
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from tunnel_whisperer.base.errors import Misuse
from tunnel_whisperer.base.limits import MAX_CERTIFICATE_BYTES
from tunnel_whisperer.pki.certificates import (
    PARSE_FAULTS,
    certificate_ends,
    certificate_hosts,
    certificate_uuid,
    check_ca,
    check_key_pair,
    issued_by,
    load_certificate,
    load_der,
    load_key,
    uuid_in,
)

ALICE = uuid.UUID("0f0e0d0c-0b0a-4908-8706-050403020100")
START = datetime(2026, 3, 1, tzinfo=UTC)
KEY = ec.generate_private_key(ec.SECP256R1())
OTHER_KEY = ec.generate_private_key(ec.SECP256R1())
CA_USAGE = x509.KeyUsage(False, False, False, False, False, True, False, False, False)
SIGN_USAGE = x509.KeyUsage(True, False, False, False, False, False, False, False, False)


def _certificate(
    *extensions: x509.ExtensionType,
    key: CertificateIssuerPrivateKeyTypes = KEY,
    signer: CertificateIssuerPrivateKeyTypes | None = None,
    issuer: str = "somebody",
) -> str:
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "somebody")]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(START)
        .not_valid_after(START + timedelta(days=9))
    )
    for extension in extensions:
        builder = builder.add_extension(extension, critical=False)
    algorithm = None if isinstance(signer or key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    return builder.sign(signer or key, algorithm).public_bytes(serialization.Encoding.PEM).decode()


def _key_pem(
    key: CertificateIssuerPrivateKeyTypes,
    encryption: serialization.KeySerializationEncryption | None = None,
) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        encryption or serialization.NoEncryption(),
    ).decode()


def _uris(*uris: str) -> x509.SubjectAlternativeName:
    return x509.SubjectAlternativeName([x509.UniformResourceIdentifier(uri) for uri in uris])


PLAIN = _certificate()
CA = _certificate(x509.BasicConstraints(True, 0), CA_USAGE)


def _fault(call: Callable[[], object]) -> str:
    with pytest.raises(Misuse) as caught:
        call()
    assert caught.value.code == "bad-certificate"
    return caught.value.why


@pytest.mark.parametrize("uri", [ALICE.urn, ALICE.urn.upper(), f"URN:UUID:{ALICE}"])
def test_the_owner_is_the_uuid_in_the_urn_in_any_case(uri: str) -> None:
    """RFC 4122 section 3: the digits are read in either case; RFC 8141: so are ``urn`` and the name space."""
    assert certificate_uuid(_certificate(_uris(uri))) == ALICE


def test_other_names_beside_it_are_not_looked_at() -> None:
    names = x509.SubjectAlternativeName(
        [
            x509.UniformResourceIdentifier("https://example.com/x"),
            x509.UniformResourceIdentifier(ALICE.urn),
            x509.DNSName("plant.example"),
        ]
    )
    assert certificate_uuid(_certificate(names)) == ALICE


def test_a_certificate_without_such_a_name_names_nobody() -> None:
    assert certificate_uuid(PLAIN) is None
    assert certificate_uuid(_certificate(_uris("https://example.com/x", "urn:isbn:1"))) is None


@pytest.mark.parametrize(
    "uris",
    [
        [ALICE.urn, ALICE.urn],
        [ALICE.urn, uuid.UUID(int=1).urn],
        ["urn:uuid:"],
        [f"urn:uuid:{ALICE.hex}"],
        [f"urn:uuid:{{{ALICE}}}"],
        [f"{ALICE.urn} "],
        [f"{ALICE.urn}?x"],
    ],
)
def test_a_name_that_is_not_exactly_one_uuid_is_a_fault(uris: list[str]) -> None:
    pem = _certificate(_uris(*uris))
    assert "not understood" in _fault(lambda: certificate_uuid(pem))
    with pytest.raises(ValueError, match="not one UUID"):
        uuid_in(load_certificate(pem))


def test_the_hosts_are_names_and_addresses_of_the_extension_not_of_the_subject() -> None:
    names = x509.SubjectAlternativeName(
        [
            x509.DNSName("relay.example"),
            x509.IPAddress(ipaddress.ip_address("10.0.0.4")),
            x509.IPAddress(ipaddress.ip_address("2001:db8::1")),
            x509.UniformResourceIdentifier("https://other.example"),
        ]
    )
    assert certificate_hosts(_certificate(names)) == {"relay.example", "10.0.0.4", "2001:db8::1"}
    assert certificate_hosts(PLAIN) == frozenset()


def test_the_end_of_its_validity_is_in_utc() -> None:
    assert certificate_ends(PLAIN) == START + timedelta(days=9)


def test_a_ca_is_known_by_its_key_whatever_its_certificate_says_besides() -> None:
    again = _certificate(x509.BasicConstraints(True, None), CA_USAGE, issuer="somebody")
    assert again != CA
    assert check_ca(again) == check_ca(CA)
    other = _certificate(x509.BasicConstraints(True, 0), CA_USAGE, key=OTHER_KEY)
    assert check_ca(other) != check_ca(CA)
    assert check_ca(CA) == KEY.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


@pytest.mark.parametrize(
    "extensions",
    [
        (),
        (x509.BasicConstraints(True, 0),),
        (CA_USAGE,),
        (x509.BasicConstraints(False, None), CA_USAGE),
        (x509.BasicConstraints(True, 0), SIGN_USAGE),
    ],
)
def test_only_what_may_sign_certificates_is_a_ca(extensions: tuple[x509.ExtensionType, ...]) -> None:
    pem = _certificate(*extensions)
    assert _fault(lambda: check_ca(pem)) == "this certificate is not a CA's"


@pytest.mark.parametrize(
    "make", [ed25519.Ed25519PrivateKey.generate, lambda: rsa.generate_private_key(65537, 2048)]
)
def test_other_kinds_of_key_are_told_as_such(make: Callable[[], CertificateIssuerPrivateKeyTypes]) -> None:
    key = make()
    pem = _certificate(x509.BasicConstraints(True, 0), CA_USAGE, key=key)
    assert _fault(lambda: check_ca(pem)) == "the CA's key is not an ECDSA key"
    assert _fault(lambda: load_key(_key_pem(key))) == "the certificate's key is not an ECDSA key"


def test_issued_by_wants_signature_and_name() -> None:
    by_ca = _certificate(key=OTHER_KEY, signer=KEY)
    assert issued_by(by_ca, CA)
    assert not issued_by(_certificate(key=OTHER_KEY, signer=OTHER_KEY), CA)
    assert not issued_by(_certificate(key=OTHER_KEY, signer=KEY, issuer="else"), CA)


def test_certificate_and_key_belong_together_by_the_public_key() -> None:
    check_key_pair(PLAIN, _key_pem(KEY))
    assert "do not belong together" in _fault(lambda: check_key_pair(PLAIN, _key_pem(OTHER_KEY)))


def test_a_key_that_wants_a_passphrase_is_refused() -> None:
    pem = _key_pem(KEY, serialization.BestAvailableEncryption(b"hunter2"))
    assert _fault(lambda: load_key(pem)) == "the certificate's key is damaged or encrypted"


@pytest.mark.parametrize(
    "pem", ["", "x", _key_pem(KEY)[:-40], PLAIN], ids=["empty", "text", "cut", "certificate"]
)
def test_what_is_no_key_is_told_as_that(pem: str) -> None:
    assert _fault(lambda: load_key(pem)) == "the certificate's key is damaged or encrypted"


@pytest.mark.parametrize(
    "pem",
    ["", PLAIN + PLAIN, "text before it\n" + PLAIN, PLAIN + "text behind it", _key_pem(KEY),
     PLAIN.replace("CERTIFICATE", "X509 CRL"), PLAIN + "\u00e4", "-" * (2 * MAX_CERTIFICATE_BYTES + 1)],
    ids=["empty", "two", "before", "behind", "key", "list", "letter", "long"],
)  # fmt: skip
def test_a_file_holds_one_certificate_and_nothing_else(pem: str) -> None:
    assert _fault(lambda: load_certificate(pem)) == "this is not one certificate in PEM"


def test_line_ends_of_windows_are_read() -> None:
    assert load_certificate(PLAIN.replace("\n", "\r\n")) == load_certificate(PLAIN)


def test_a_certificate_is_bounded_before_it_is_parsed() -> None:
    with pytest.raises(ValueError, match="too long"):
        load_der(b"\x30" * (MAX_CERTIFICATE_BYTES + 1))


def test_an_extension_that_is_there_twice_refuses_the_certificate() -> None:
    """RFC 5280 section 4.2: a certificate must not include more than one instance of an extension."""
    one = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.99999.1"), b"\x05\x00")
    two = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.99999.2"), b"\x05\x00")
    der = ssl.PEM_cert_to_DER_cert(_certificate(one, two))
    encoded = b"\x2b\x06\x01\x04\x01\x86\x8d\x1f"  # 1.3.6.1.4.1.99999 in DER
    assert der.count(encoded) == 2
    twice = der.replace(encoded + b"\x02", encoded + b"\x01")
    with pytest.raises(PARSE_FAULTS):
        load_der(twice)


def test_a_name_longer_than_the_rfc_allows_refuses_the_certificate_without_a_word_on_standard_error() -> None:
    """RFC 5280 appendix A.1: a country is two letters. The library warns, and goes on."""
    der = ssl.PEM_cert_to_DER_cert(PLAIN)
    common_name, country = b"\x06\x03\x55\x04\x03", b"\x06\x03\x55\x04\x06"
    with pytest.raises(PARSE_FAULTS):
        load_der(der.replace(common_name, country))


DER = ssl.PEM_cert_to_DER_cert(CA)


@given(st.integers(0, len(DER) - 1), st.binary(min_size=1, max_size=4))
def test_whatever_is_changed_in_a_certificate_only_a_parse_fault_comes_out(at: int, patch: bytes) -> None:
    try:
        certificate = load_der(DER[:at] + patch + DER[at + len(patch) :])
    except PARSE_FAULTS:
        return
    assert isinstance(certificate, x509.Certificate)


@given(st.integers(0, len(DER) - 1), st.binary(min_size=1, max_size=4))
def test_whatever_is_changed_in_a_file_only_misuse_comes_out(at: int, patch: bytes) -> None:
    pem = ssl.DER_cert_to_PEM_cert(DER[:at] + patch + DER[at + len(patch) :])
    for read in (certificate_uuid, certificate_hosts, check_ca, certificate_ends):
        try:
            read(pem)
        except Misuse as exc:
            code = exc.code
        else:
            code = "bad-certificate"
        assert code == "bad-certificate"
