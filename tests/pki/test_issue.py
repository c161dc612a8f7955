from __future__ import annotations

import re
import ssl
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tunnel_whisperer.base.errors import Misuse
from tunnel_whisperer.pki import (
    CertificateAuthority,
    certificate_ends,
    certificate_uuid,
    certify_client,
    check_ca,
    check_key_pair,
    issue_client,
    issue_server,
    make_ca,
    new_tls_key,
    public_tls_key,
)
from tunnel_whisperer.pki.certificates import load_certificate

ALICE = uuid.UUID("0f0e0d0c-0b0a-4908-8706-050403020100")
START = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def ca() -> CertificateAuthority:
    return make_ca("plant")


@pytest.fixture(scope="module")
def relay_ca() -> CertificateAuthority:
    return make_ca("relay.example")


def _contexts(
    tmp_path: Path, ca: CertificateAuthority, relay_ca: CertificateAuthority, hosts: list[str], client_ca: str
) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Client and relay, both as strict as OpenSSL can be."""
    files = {"client": issue_client(ca, ALICE, "alice"), "relay": issue_server(relay_ca, hosts)}
    for name, (cert, key) in files.items():
        (tmp_path / f"{name}.crt").write_text(cert)
        (tmp_path / f"{name}.key").write_text(key)
    client = ssl.create_default_context(cadata=relay_ca.cert_pem)
    client.load_cert_chain(tmp_path / "client.crt", tmp_path / "client.key")
    relay = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    relay.load_cert_chain(tmp_path / "relay.crt", tmp_path / "relay.key")
    relay.verify_mode = ssl.CERT_REQUIRED
    relay.load_verify_locations(cadata=client_ca)
    for context in (client, relay):
        context.verify_flags |= ssl.VERIFY_X509_STRICT
    return client, relay


def _shake(client: ssl.SSLContext, relay: ssl.SSLContext, host: str) -> bytes | None:
    """A handshake in memory; what the relay knows of the client's certificate."""
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    near = client.wrap_bio(down, up, server_hostname=host)
    far = relay.wrap_bio(up, down, server_side=True)
    pending: list[ssl.SSLObject] = [near, far]
    for _ in range(10):
        for side in list(pending):
            try:
                side.do_handshake()
                pending.remove(side)
            except ssl.SSLWantReadError:
                pass
        if not pending:
            return far.getpeercert(binary_form=True)
    raise AssertionError("no end of the handshake")


@pytest.mark.parametrize("host", ["relay.example", "10.0.0.4", "2001:db8::1"])
def test_both_sides_shake_hands_under_strict_checks(
    tmp_path: Path, ca: CertificateAuthority, relay_ca: CertificateAuthority, host: str
) -> None:
    client, relay = _contexts(tmp_path, ca, relay_ca, [host], ca.cert_pem)
    der = _shake(client, relay, host)
    assert der is not None
    assert certificate_uuid(ssl.DER_cert_to_PEM_cert(der)) == ALICE


def test_a_relay_of_another_name_is_not_trusted(
    tmp_path: Path, ca: CertificateAuthority, relay_ca: CertificateAuthority
) -> None:
    client, relay = _contexts(tmp_path, ca, relay_ca, ["relay.example"], ca.cert_pem)
    with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
        _shake(client, relay, "impostor.example")


def test_a_client_of_another_ca_of_the_same_name_is_not_let_in(
    tmp_path: Path, ca: CertificateAuthority, relay_ca: CertificateAuthority
) -> None:
    client, relay = _contexts(tmp_path, ca, relay_ca, ["relay.example"], make_ca("plant").cert_pem)
    with pytest.raises(ssl.SSLError):
        _shake(client, relay, "relay.example")


def test_two_cas_of_one_name_are_told_apart_by_their_keys(
    tmp_path: Path, ca: CertificateAuthority, relay_ca: CertificateAuthority
) -> None:
    both = make_ca("plant").cert_pem + ca.cert_pem
    client, relay = _contexts(tmp_path, ca, relay_ca, ["relay.example"], both)
    assert _shake(client, relay, "relay.example")


def test_expiries_are_ten_years_two_years_and_397_days() -> None:
    ca = make_ca("plant", lambda: START)
    assert certificate_ends(ca.cert_pem) == START + timedelta(days=3650)
    assert certificate_ends(issue_client(ca, ALICE, "alice", now=lambda: START)[0]) == START + timedelta(
        days=730
    )
    assert certificate_ends(issue_server(ca, ["r"], now=lambda: START)[0]) == START + timedelta(days=397)


def test_a_leaf_never_outlives_its_ca() -> None:
    ca = make_ca("plant", lambda: START)
    late = START + timedelta(days=3600)
    assert certificate_ends(issue_client(ca, ALICE, "alice", now=lambda: late)[0]) == certificate_ends(
        ca.cert_pem
    )
    with pytest.raises(Misuse, match="the CA ended on 2036-02-27"):
        issue_client(ca, ALICE, "alice", now=lambda: START + timedelta(days=3651))


def test_a_slow_clock_finds_a_new_certificate_valid() -> None:
    cert = load_certificate(issue_client(make_ca("p", lambda: START), ALICE, "a", now=lambda: START)[0])
    assert cert.not_valid_before_utc == START - timedelta(days=1)


def test_a_relays_certificate_does_not_say_what_a_relay_is() -> None:
    ca = make_ca("h.example")
    leaf = load_certificate(issue_server(ca, ["h.example"])[0])
    for shown in (leaf.subject, leaf.issuer):
        assert not re.search("tunnel|whisper|tw|relay", shown.rfc4514_string(), re.IGNORECASE)


def test_a_leaf_never_has_the_subject_of_its_ca() -> None:
    ca = make_ca("plant")
    for pem, _ in (issue_client(ca, ALICE, "plant"), issue_server(ca, ["plant"])):
        leaf = load_certificate(pem)
        assert leaf.subject != leaf.issuer == load_certificate(ca.cert_pem).subject


def test_a_ca_is_made_again_from_its_key() -> None:
    first = make_ca("plant")
    again = make_ca("plant", key_pem=first.key_pem)
    assert check_ca(first.cert_pem) == check_ca(again.cert_pem)


def test_a_long_host_name_is_in_the_san() -> None:
    host = ".".join(["a" * 60] * 3)
    pem, _ = issue_server(make_ca("r"), [host])
    assert host.encode() in ssl.PEM_cert_to_DER_cert(pem)


@pytest.mark.parametrize("hosts", [[], ["a b"], ["https://x"], ["relay.example:443"], [""], ["*.example"]])
def test_a_relay_certificate_is_for_plain_names_only(ca: CertificateAuthority, hosts: list[str]) -> None:
    with pytest.raises(Misuse) as caught:
        issue_server(ca, hosts)
    assert caught.value.code == "bad-argument"


@pytest.mark.parametrize("name", ["", "x" * 65, "a\nb"])
def test_a_name_has_1_to_64_printable_characters(ca: CertificateAuthority, name: str) -> None:
    for make in (lambda: make_ca(name), lambda: issue_client(ca, ALICE, name)):
        with pytest.raises(Misuse, match="name of 1 to 64"):
            make()


def test_a_ca_with_the_key_of_another_issues_nothing(
    ca: CertificateAuthority, relay_ca: CertificateAuthority
) -> None:
    mixed = CertificateAuthority("x", ca.cert_pem, relay_ca.key_pem)
    with pytest.raises(Misuse, match="does not belong"):
        issue_client(mixed, ALICE, "alice")


def test_keys_are_not_shown(ca: CertificateAuthority) -> None:
    assert "PRIVATE" not in repr(ca)


def test_a_leaf_is_no_ca_and_a_damaged_file_is_none(ca: CertificateAuthority) -> None:
    leaf, key = issue_client(ca, ALICE, "alice")
    for pem, why in [
        (leaf, "not a CA's"), ("", "not one certificate"), (ca.cert_pem * 2, "not one certificate"),
        (ca.key_pem, "not one certificate"), (ca.cert_pem.replace("\nMII", "\nMIJ"), "damaged"),
        ("x" * 100_000, "not one certificate"),
    ]:  # fmt: skip
        with pytest.raises(Misuse, match=why) as caught:
            check_ca(pem)
        assert caught.value.code == "bad-certificate"
    check_key_pair(leaf, key)
    with pytest.raises(Misuse, match="do not belong together"):
        check_key_pair(leaf, ca.key_pem)
    with pytest.raises(Misuse, match="key is damaged"):
        check_key_pair(leaf, "nothing")


def test_a_key_is_certified_that_stays_where_it_is(ca: CertificateAuthority) -> None:
    key = new_tls_key()
    cert = certify_client(ca, ALICE, "alice", public_tls_key(key))
    check_key_pair(cert, key)
    assert certificate_uuid(cert) == ALICE
    assert public_tls_key(cert) == public_tls_key(key)


@pytest.mark.parametrize(
    "pem", ["", "x", "x" * 5000, "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"]
)
def test_what_is_no_public_key_is_not_certified(ca: CertificateAuthority, pem: str) -> None:
    with pytest.raises(Misuse) as caught:
        certify_client(ca, ALICE, "alice", pem)
    assert caught.value.code == "bad-certificate"


def test_a_private_key_is_not_taken_for_a_public_one(ca: CertificateAuthority) -> None:
    with pytest.raises(Misuse):
        certify_client(ca, ALICE, "alice", new_tls_key())
