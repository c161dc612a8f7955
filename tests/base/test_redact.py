from __future__ import annotations

import pytest

from tunnel_whisperer.base.redact import redact

_PEM = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXk\nAAAA\n-----END OPENSSH PRIVATE KEY-----"


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        (f"loaded {_PEM} from x", "b3BlbnNzaC1rZXk"),
        (_PEM[:60], "b3BlbnNz"),
        ("proxy http://bob:hunter2@proxy.lan:3128", "hunter2"),
        ("proxy http://bob:hunter2@proxy.lan:3128", "bob"),
        ("socks5://u:p%40ss@h:1", "p%40ss"),
        ("http://token@h:1", "token"),
        ("http://u:p@ss/w@h:1", "ss/w"),
        ("Proxy-Authorization: Basic Ym9iOmh1bnRlcjI=", "Ym9iOmh1bnRlcjI="),
        ("authorization: Bearer abcdef", "abcdef"),
        ("no such file: tw-join-AbC_dEf-gHi0123456789", "dEf-gHi"),
        ("GET /login?token=tw-login-AbC_dEf-gHi0123456789 200", "AbC_dEf"),
        ("cookie tw_session_8080=tw-browser-AbC_dEf-gHi0123456789", "AbC_dEf"),
        ("curl -H 'X: tw-token-AbC_dEf-gHi0123456789'", "AbC_dEf"),
        ("uuid 11111111-2222-3333-4444-555555555555 refused", "555555555555"),
    ],
)
def test_secrets_are_masked(text: str, secret: str) -> None:
    assert secret not in redact(text)


@pytest.mark.parametrize(
    "text",
    [
        "plain words",
        "http://proxy.lan:3128/path",
        "10.0.0.1:5432 opened",
        "SHA256:abcdef0123456789",
        "write http://user:password@host:port",
        "tw proxy set http://user@host:port --ask-password",
    ],
)
def test_the_rest_stays(text: str) -> None:
    assert redact(text) == text


def test_the_word_of_a_hint_hides_no_credentials_after_it() -> None:
    assert "hunter2" not in redact("http://user@host:hunter2@proxy.lan")


def test_the_owner_can_tell_which_uuid_it_was() -> None:
    assert "abcd..." in redact("uuid abcd1111-2222-3333-4444-555555555555")
