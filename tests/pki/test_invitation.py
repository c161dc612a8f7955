from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tunnel_whisperer.base.errors import Refused
from tunnel_whisperer.pki import (
    SECRET_BYTES,
    InvitationKeys,
    check_client,
    invitation_authority,
    invitation_leaf,
    new_secret,
)

SSH_OF_ZERO_TO_19 = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOcZcyWUei5KcopOFXBidIzMtX+xHXKCE5/ruzg660Oi"
UUID_OF_ZERO_TO_19 = "50dcdd3b-fb71-4090-aee0-ecdb4ce0f144"

NOW = datetime(2027, 1, 15, 8, tzinfo=UTC)


def _der(pem: str) -> bytes:
    return ssl.PEM_cert_to_DER_cert(pem)


def test_a_secret_has_160_bits_and_is_never_the_same() -> None:
    secrets = {new_secret() for _ in range(100)}
    assert len(secrets) == 100
    assert {len(secret) for secret in secrets} == {SECRET_BYTES} == {20}


def test_the_same_secret_gives_the_same_keys_and_another_gives_others() -> None:
    secret = new_secret()
    one, again, other = InvitationKeys.of(secret), InvitationKeys.of(secret), InvitationKeys.of(new_secret())
    for name in ("ssh_private", "ssh_public", "tls_key", "uuid"):
        if name != "ssh_private":  # OpenSSH's PEM has random check bytes in it
            assert getattr(one, name) == getattr(again, name)
        assert getattr(one, name) != getattr(other, name)


def test_keys_are_those_that_tokens_out_there_were_made_for() -> None:
    keys = InvitationKeys.of(bytes(range(20)))
    assert keys.ssh_public == SSH_OF_ZERO_TO_19
    assert str(keys.uuid) == UUID_OF_ZERO_TO_19


def test_nothing_secret_is_shown() -> None:
    keys = InvitationKeys.of(new_secret())
    assert "PRIVATE" not in repr(keys)
    assert str(keys.uuid) not in repr(keys)


def test_the_guest_passes_the_gate_with_what_he_made_himself() -> None:
    keys = InvitationKeys.of(new_secret())
    ca = invitation_authority(keys, 1.0, lambda: NOW)
    cert, _ = invitation_leaf(keys, 0.8, lambda: NOW + timedelta(hours=3))
    at = NOW + timedelta(hours=3)
    assert check_client(_der(cert), ca.cert_pem, lambda: at) == keys.uuid


def test_after_its_end_nobody_passes() -> None:
    keys = InvitationKeys.of(new_secret())
    ca = invitation_authority(keys, 0.5, lambda: NOW)
    at = NOW + timedelta(hours=13)
    cert, _ = invitation_leaf(keys, 1.0, lambda: at)
    with pytest.raises(Refused, match="ended"):
        check_client(_der(cert), ca.cert_pem, lambda: at)


def test_another_secret_does_not_pass() -> None:
    ca = invitation_authority(InvitationKeys.of(new_secret()), 1.0)
    cert, _ = invitation_leaf(InvitationKeys.of(new_secret()), 1.0)
    with pytest.raises(Refused, match="another CA"):
        check_client(_der(cert), ca.cert_pem)


def test_openssl_takes_what_the_guest_made(tmp_path: Path) -> None:
    keys = InvitationKeys.of(new_secret())
    cert, key = invitation_leaf(keys, 1.0)
    (tmp_path / "c").write_text(cert)
    (tmp_path / "k").write_text(key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_cert_chain(tmp_path / "c", tmp_path / "k")


def test_a_guest_with_a_slow_clock_is_let_in(tmp_path: Path) -> None:
    keys = InvitationKeys.of(new_secret())
    ca = invitation_authority(keys, 7.0, lambda: NOW)
    slow = NOW - timedelta(days=3)
    cert, _ = invitation_leaf(keys, 10.0, lambda: slow)
    assert check_client(_der(cert), ca.cert_pem, lambda: NOW + timedelta(days=6)) == keys.uuid
