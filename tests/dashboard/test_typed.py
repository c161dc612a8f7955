"""What is typed into forms."""

from __future__ import annotations

import pytest

from tunnel_whisperer.api.models.access import PasswordWish, TokenWish
from tunnel_whisperer.base.errors import Misuse
from tunnel_whisperer.dashboard.typed import typed


def test_it_becomes_a_model() -> None:
    assert typed(TokenWish, name="ci", scope="all", days=None).scope == "all"


def test_what_does_not_fit_is_named_and_not_repeated() -> None:
    with pytest.raises(Misuse) as caught:
        typed(PasswordWish, password="secret" * 500)
    assert caught.value.where == "password" and "secret" not in str(caught.value)
    with pytest.raises(Misuse) as caught:
        typed(TokenWish, name="")
    assert caught.value.code == "bad-argument" and caught.value.where == "name"
