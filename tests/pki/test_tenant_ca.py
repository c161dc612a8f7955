"""Names of CAs that others' programs tell apart by text."""

from __future__ import annotations

import datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tunnel_whisperer.base.errors import Misuse
from tunnel_whisperer.pki import issuer_text, make_ca

CN, O, OU = NameOID.COMMON_NAME, NameOID.ORGANIZATION_NAME, NameOID.ORGANIZATIONAL_UNIT_NAME  # noqa: E741


def _ca(
    *parts: tuple[x509.ObjectIdentifier, str], path_length: int | None = 0, issuer: x509.Name | None = None
) -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(oid, value) for oid, value in parts])
    now = datetime.datetime.now(datetime.UTC)
    usage = dict.fromkeys(
        (
            "digital_signature", "content_commitment", "key_encipherment", "data_encipherment",
            "key_agreement", "crl_sign", "encipher_only", "decipher_only",
        ),
        False,
    )  # fmt: skip
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer or name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)
        .add_extension(x509.KeyUsage(key_cert_sign=True, **usage), critical=True)
        .sign(key, hashes.SHA256())
    )
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def test_ours_are_written_as_go_writes_them() -> None:
    # What Caddy compares this with is shown by the contract tests in tests/e2e/relays.
    assert issuer_text(make_ca("plant-1").cert_pem) == "CN=plant-1,O=Private CA"
    assert issuer_text(_ca((CN, "x"), (O, "y"))) == issuer_text(_ca((O, "y"), (CN, "x"))) == "CN=x,O=y"


@pytest.mark.parametrize(
    ("pem", "why"),
    [
        (lambda: _ca((CN, "x"), path_length=1), "may issue other CAs"),
        (lambda: _ca((CN, "x"), path_length=None), "may issue other CAs"),
        (lambda: _ca((CN, "x"), issuer=x509.Name([x509.NameAttribute(CN, "y")])), "issued by another"),
        (lambda: _ca((CN, "x"), (OU, "y")), "other parts"),
        (lambda: _ca((CN, "x"), (CN, "y")), "other parts"),
        (_ca, "other parts"),
        (lambda: _ca((CN, "x,O=y")), "other characters"),
        (lambda: _ca((CN, "x+y")), "other characters"),
        (lambda: _ca((CN, 'x"y')), "other characters"),
        (lambda: _ca((CN, "x`y")), "other characters"),
        (lambda: _ca((CN, " x")), "other characters"),
        (lambda: _ca((CN, "#x")), "other characters"),
        (lambda: _ca((CN, "plänt")), "other characters"),
        (lambda: "nonsense", "certificate"),
    ],
)
def test_a_name_that_could_be_taken_for_another_is_refused(pem: object, why: str) -> None:
    with pytest.raises(Misuse, match=why) as caught:
        issuer_text(pem())  # type: ignore[operator]
    assert caught.value.code == "bad-certificate"
