from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives.serialization import load_ssh_private_key
from hypothesis import given
from hypothesis import strategies as st

from tunnel_whisperer.base.errors import Misuse
from tunnel_whisperer.pki import is_role_signed, new_ssh_key, sign_role

ISSUER, ISSUER_LINE = new_ssh_key()
_, SUBJECT = new_ssh_key()


def test_a_role_is_what_its_issuer_signed_for_this_key_and_nothing_else() -> None:
    signature = sign_role(ISSUER, "client", f"{SUBJECT} alice@tw")
    assert is_role_signed(f"{ISSUER_LINE} plant@tw", signature, "client", SUBJECT)
    assert not is_role_signed(ISSUER_LINE, signature, "server", SUBJECT)
    assert not is_role_signed(ISSUER_LINE, signature, "client", ISSUER_LINE)
    assert not is_role_signed(SUBJECT, signature, "client", SUBJECT)


def test_what_is_signed_is_as_described() -> None:
    key = load_ssh_private_key(ISSUER.encode(), None)
    text = f"tunnel-whisperer role, format 1\nrelay\n{ISSUER_LINE}\n".encode()
    expected = base64.b64encode(key.sign(text)).decode()  # type: ignore[call-arg]
    assert sign_role(ISSUER, "relay", ISSUER_LINE) == expected


@given(st.text(max_size=100))
def test_any_other_text_is_no_signature(text: str) -> None:
    assert not is_role_signed(ISSUER_LINE, text, "client", SUBJECT)


def test_a_key_that_is_none_is_told() -> None:
    signature = sign_role(ISSUER, "client", SUBJECT)
    for act in (
        lambda: sign_role("x", "client", SUBJECT),
        lambda: sign_role(ISSUER, "client", "x"),
        lambda: is_role_signed("x", signature, "client", SUBJECT),
        lambda: is_role_signed(ISSUER_LINE, signature, "client", "x"),
    ):
        with pytest.raises(Misuse) as caught:
            act()
        assert caught.value.code == "bad-key"
