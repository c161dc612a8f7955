"""What a provider is shown to let us in."""

from __future__ import annotations

import pytest

from tunnel_whisperer.base.errors import Misuse, render
from tunnel_whisperer.base.values import Secret
from tunnel_whisperer.provision.drivers import Credentials

GOOD = "dop_v1_0123456789abcdef/+="


@pytest.mark.parametrize(
    "text", ["", "two words", f"{GOOD}\n", f"\t{GOOD}", "caf\u00e9", "x" * 5000, "nul\0"]
)
def test_what_cannot_be_a_token_is_refused_and_not_shown(text: str) -> None:
    parts: list[tuple[Secret, str, Secret | None]] = [
        (Secret(text), "", None),
        (Secret(GOOD), text or " ", None),
        (Secret(GOOD), "AKIA", Secret(text)),
    ]
    for secret, key_id, session in parts:
        with pytest.raises(Misuse) as caught:
            Credentials(secret, key_id, session)
        assert not text or text not in render(caught.value)


def test_credentials_show_nothing_secret() -> None:
    credentials = Credentials(Secret(GOOD), "AKIAXXXX", Secret(f"{GOOD}session"))
    assert GOOD not in repr(credentials) and GOOD not in str(credentials)
