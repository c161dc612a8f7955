from __future__ import annotations

import datetime
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.interop.mini import LoopThread
from tests.interop.xray import free_port

PROBE = str(Path(__file__).parents[1] / "e2e" / "probe.py")


class Pki:
    """A CA and a certificate for relay.test, as files."""

    def __init__(self, directory: Path) -> None:
        key, ca_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
        ca_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test CA")])
        now = datetime.datetime.now(datetime.UTC)

        def build(subject: x509.Name, public: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
            return (
                x509.CertificateBuilder()
                .subject_name(subject)
                .issuer_name(ca_name)
                .public_key(public)
                .serial_number(x509.random_serial_number())
                .not_valid_before(now - datetime.timedelta(hours=1))
                .not_valid_after(now + datetime.timedelta(days=1))
            )

        ca = build(ca_name, ca_key.public_key()).add_extension(
            x509.BasicConstraints(ca=True, path_length=0), critical=True
        )
        leaf = build(
            x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "relay.test")]), key.public_key()
        ).add_extension(
            x509.SubjectAlternativeName([x509.DNSName("relay.test"), x509.DNSName("localhost")]),
            critical=False,
        )
        self.ca, self.certificate, self.key = (
            directory / name for name in ("ca.crt", "relay.crt", "relay.key")
        )
        pem = serialization.Encoding.PEM
        self.ca.write_bytes(ca.sign(ca_key, hashes.SHA256()).public_bytes(pem))
        self.certificate.write_bytes(leaf.sign(ca_key, hashes.SHA256()).public_bytes(pem))
        self.key.write_bytes(
            key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        )


@pytest.fixture
def pki(tmp_path: Path) -> Pki:
    return Pki(tmp_path)


@pytest.fixture
def loop_thread() -> Iterator[LoopThread]:
    with LoopThread() as thread:
        yield thread


@pytest.fixture
def service() -> Iterator[int]:
    """The port of a running probe service."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, PROBE, "serve", str(port)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert process.stdout is not None
    assert process.stdout.readline().strip() == b"serving"
    yield port
    process.terminate()
    process.wait()
    process.stdout.close()


def probe(verb: str, port: int, argument: float, timeout_s: float = 120) -> str:
    """Run a probe to its end; fails when a byte is wrong."""
    result = subprocess.run(
        [sys.executable, PROBE, verb, str(port), str(argument)],
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout
