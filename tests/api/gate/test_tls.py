from __future__ import annotations

import ssl
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tunnel_whisperer.api.gate import check_exposure, fingerprint, own_certificate
from tunnel_whisperer.base.errors import Misuse
from tunnel_whisperer.base.values import is_loopback
from tunnel_whisperer.pki import certificate_hosts, issue_server, make_ca

HOSTS = ["tw.plant.lan", "192.0.2.7"]


def _now() -> datetime:
    return datetime(2030, 1, 1, tzinfo=UTC)


def _leaf(path: Path) -> str:
    return path.read_text().partition("-----END CERTIFICATE-----\n")[0] + "-----END CERTIFICATE-----\n"


def test_a_certificate_is_made_once_and_can_be_served(tmp_path: Path) -> None:
    made = own_certificate(tmp_path / "dashboard", HOSTS)
    assert certificate_hosts(_leaf(made.cert)) == set(HOSTS)
    assert own_certificate(tmp_path / "dashboard", HOSTS) == made
    assert own_certificate(tmp_path / "dashboard", HOSTS[:1]) == made
    assert stat.S_IMODE(made.key.stat().st_mode) == 0o600
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made.cert, made.key)
    assert sorted(path.name for path in (tmp_path / "dashboard").glob("[a-z]*")) == ["tls.crt", "tls.key"]


def test_an_address_of_ipv6_may_have_its_brackets(tmp_path: Path) -> None:
    made = own_certificate(tmp_path, ["[::1]", "[2001:db8::7]", "Localhost"])
    assert certificate_hosts(_leaf(made.cert)) == {"::1", "2001:db8::7", "localhost"}
    assert own_certificate(tmp_path, ["::1", "localhost"]) == made


def test_the_fingerprint_is_the_one_that_browsers_and_openssl_show(tmp_path: Path) -> None:
    # openssl x509 -fingerprint -sha256 over the DER of the leaf: SHA-256, in pairs.
    import hashlib

    made = own_certificate(tmp_path, HOSTS)
    der = ssl.PEM_cert_to_DER_cert(_leaf(made.cert))
    assert made.fingerprint.replace(":", "").lower() == hashlib.sha256(der).hexdigest()
    assert made.fingerprint.count(":") == 31
    assert fingerprint(made.cert.read_text()) == made.fingerprint
    with pytest.raises(ValueError, match="no certificate"):
        fingerprint(made.key.read_text())


def test_another_name_or_a_near_end_makes_a_new_one(tmp_path: Path) -> None:
    first = own_certificate(tmp_path, HOSTS, _now)
    other = own_certificate(tmp_path, [*HOSTS, "tw2.plant.lan"], _now)
    assert other.fingerprint != first.fingerprint
    hosts = [*HOSTS, "tw2.plant.lan"]
    assert own_certificate(tmp_path, hosts, lambda: _now() + timedelta(days=366)) == other
    assert own_certificate(tmp_path, hosts, lambda: _now() + timedelta(days=368)) != other


@pytest.mark.parametrize("name", ["tls.crt", "tls.key"])
@pytest.mark.parametrize("content", ["", "nonsense", "ü", None])
def test_what_is_damaged_or_does_not_fit_is_made_anew(tmp_path: Path, name: str, content: str | None) -> None:
    first = own_certificate(tmp_path, HOSTS)
    if content is None:
        _, content = issue_server(make_ca("other"), HOSTS)
    (tmp_path / name).write_text(content)
    again = own_certificate(tmp_path, HOSTS)
    assert again.fingerprint != first.fingerprint
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(again.cert, again.key)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "[::1]", "localhost", "LocalHost"])
def test_on_loopback_nothing_is_asked_for(host: str) -> None:
    assert is_loopback(host)
    check_exposure(host, password_set=False, tls=False)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "tw.plant.lan", "localhost.evil.example", "", "fe80::1%eth0", "::ffff:192.0.2.7"])  # fmt: skip
def test_elsewhere_password_and_tls_are(host: str) -> None:
    assert not is_loopback(host)
    check_exposure(host, password_set=True, tls=True)
    for password_set, tls, missing in (
        (False, False, "a password and TLS"),
        (True, False, "needs TLS"),
        (False, True, "needs a password"),
    ):
        with pytest.raises(Misuse, match=missing) as caught:
            check_exposure(host, password_set=password_set, tls=tls)
        assert caught.value.code == "not-exposed"
        assert "127.0.0.1" in caught.value.hint
