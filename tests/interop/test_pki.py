"""Certificates and key files as OpenSSL's and OpenSSH's own programs see them."""

from __future__ import annotations

import shutil
import subprocess
import uuid
from pathlib import Path

import pytest

from tunnel_whisperer.base.errors import Misuse
from tunnel_whisperer.pki import issue_client, issue_server, make_ca, new_ssh_key, public_key_of

pytestmark = pytest.mark.interop

ALICE = uuid.UUID("0f0e0d0c-0b0a-4908-8706-050403020100")

needs_openssl = pytest.mark.skipif(not shutil.which("openssl"), reason="no openssl here")
needs_keygen = pytest.mark.skipif(not shutil.which("ssh-keygen"), reason="no ssh-keygen here")


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=10)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    ca = make_ca("plant")
    (tmp_path / "ca.crt").write_text(ca.cert_pem)
    (tmp_path / "other.crt").write_text(make_ca("plant").cert_pem)
    for name, (cert, key) in {
        "alice": issue_client(ca, ALICE, "alice"),
        "relay": issue_server(ca, ["relay.example", "10.0.0.4"]),
    }.items():
        (tmp_path / f"{name}.crt").write_text(cert)
        (tmp_path / f"{name}.key").write_text(key)
    return tmp_path


def _verify(files: Path, ca: str, leaf: str, purpose: str, *more: str) -> bool:
    command = ["openssl", "verify", "-x509_strict", "-CAfile", str(files / ca), "-purpose", purpose]
    return _run(*command, *more, str(files / leaf)).returncode == 0


@needs_openssl
def test_openssl_verifies_leaves_for_their_own_purpose_only(files: Path) -> None:
    assert _verify(files, "ca.crt", "alice.crt", "sslclient")
    assert _verify(files, "ca.crt", "relay.crt", "sslserver", "-verify_hostname", "relay.example")
    assert _verify(files, "ca.crt", "relay.crt", "sslserver", "-verify_ip", "10.0.0.4")
    assert not _verify(files, "ca.crt", "relay.crt", "sslserver", "-verify_hostname", "other.example")
    assert not _verify(files, "ca.crt", "alice.crt", "sslserver")
    assert not _verify(files, "ca.crt", "relay.crt", "sslclient")
    assert not _verify(files, "other.crt", "alice.crt", "sslclient")


@needs_openssl
def test_openssl_reads_name_curve_and_key(files: Path) -> None:
    text = _run("openssl", "x509", "-in", str(files / "alice.crt"), "-noout", "-text").stdout
    assert f"URI:urn:uuid:{ALICE}" in text
    assert "NIST CURVE: P-256" in text
    assert "CA:FALSE" in text
    from_key = _run("openssl", "pkey", "-in", str(files / "alice.key"), "-pubout").stdout
    from_cert = _run("openssl", "x509", "-in", str(files / "alice.crt"), "-noout", "-pubkey").stdout
    assert from_key == from_cert != ""


@needs_openssl
def test_what_a_client_issues_with_its_leaf_openssl_refuses(files: Path) -> None:
    config = files / "ext.cnf"
    config.write_text("extendedKeyUsage=clientAuth\n")
    request = [
        "openssl",
        "req",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-subj",
        "/CN=eve",
    ]
    assert _run(*request, "-keyout", str(files / "e.key"), "-out", str(files / "e.csr")).returncode == 0
    signing = ["openssl", "x509", "-req", "-in", str(files / "e.csr"), "-CA", str(files / "alice.crt")]
    signing += ["-CAkey", str(files / "alice.key"), "-extfile", str(config), "-out", str(files / "e.crt")]
    assert _run(*signing).returncode == 0
    assert not _verify(files, "ca.crt", "e.crt", "sslclient", "-untrusted", str(files / "alice.crt"))


@needs_keygen
def test_ssh_keygen_reads_our_key_files(tmp_path: Path) -> None:
    private, public = new_ssh_key()
    path = tmp_path / "id_ed25519"
    path.touch(0o600)
    path.write_text(private)
    assert _run("ssh-keygen", "-y", "-f", str(path)).stdout.split()[:2] == public.split()
    (tmp_path / "id_ed25519.pub").write_text(f"{public} alice@tw\n")
    assert "alice@tw (ED25519)" in _run("ssh-keygen", "-l", "-f", str(tmp_path / "id_ed25519.pub")).stdout


@needs_keygen
def test_keys_of_ssh_keygen_are_read_unless_encrypted(tmp_path: Path) -> None:
    for name, passphrase in (("plain", ""), ("locked", "secret")):
        made = _run("ssh-keygen", "-q", "-t", "ed25519", "-N", passphrase, "-f", str(tmp_path / name))
        assert made.returncode == 0
    public = (tmp_path / "plain.pub").read_text().split()[:2]
    assert public_key_of((tmp_path / "plain").read_bytes()).split() == public
    with pytest.raises(Misuse, match="not an unencrypted SSH private key"):
        public_key_of((tmp_path / "locked").read_bytes())
