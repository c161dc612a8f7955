"""What providers need and offer; credentials are handed on and shown to nobody."""

from __future__ import annotations

import asyncio

import pytest

from tests.cli.relay_doubles import TOKEN, World
from tunnel_whisperer.base.errors import Misuse, TwError
from tunnel_whisperer.operations.providers import (
    ask_offer,
    credentials_of,
    needed,
    open_account,
    providers,
)


def test_each_provider_says_what_it_needs() -> None:
    known = {each.name: each for each in providers()}
    assert list(known) == ["hetzner", "digitalocean", "aws", "manual"]
    assert [(field.name, field.secret) for field in known["hetzner"].fields] == [("token", True)]
    aws = [(field.name, field.secret, field.needed) for field in known["aws"].fields]
    assert aws == [("key_id", False, True), ("secret_key", True, True), ("session_token", True, False)]
    assert known["manual"].fields == () and known["aws"].fields[0].variable == "AWS_ACCESS_KEY_ID"
    assert known["hetzner"].to_json()["fields"][0]["help"]


def test_what_is_filled_in_becomes_credentials() -> None:
    assert credentials_of("hetzner", {"token": " abc "}).secret.reveal() == "abc"
    aws = credentials_of("aws", {"key_id": "AKIA", "secret_key": "s/=", "session_token": ""})
    assert (aws.key_id, aws.secret.reveal(), aws.session) == ("AKIA", "s/=", None)
    session = credentials_of("aws", {"key_id": "A", "secret_key": "s", "session_token": "t"}).session
    assert session is not None and session.reveal() == "t"
    assert "abc" not in repr(credentials_of("hetzner", {"token": "abc"}))


@pytest.mark.parametrize(
    ("provider", "values", "where"),
    [
        ("hetzner", {}, "token"),
        ("hetzner", {"token": "  "}, "token"),
        ("aws", {"key_id": "AKIA"}, "secret_key"),
        ("hetzner", {"token": "s3cret-1", "key_id": "AKIA"}, "key_id"),
        ("hetzner", {"token": "s3cret 1"}, ""),
        ("manual", {}, ""),
        ("moon", {}, ""),
    ],
)
def test_what_cannot_be_is_named_without_its_value(provider: str, values: dict[str, str], where: str) -> None:
    with pytest.raises(Misuse) as refused:
        credentials_of(provider, values)
    assert refused.value.where == where and "s3cret" not in str(refused.value) + refused.value.hint


def test_an_offer_is_asked_without_making_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch)
    credentials = credentials_of("digitalocean", {"token": TOKEN})
    offer = asyncio.run(ask_offer("digitalocean", credentials))
    value = offer.to_json()
    assert value["region"] in [region["name"] for region in value["regions"]]
    assert value["size"] in [size["name"] for size in value["sizes"]] and value["sizes"][0]["price"]
    assert value["account"] and world.bench.there() == []
    other = offer.regions[1].name
    assert asyncio.run(ask_offer("digitalocean", credentials, other)).default.region.name == other


def test_credentials_are_tried_before_anything_else(monkeypatch: pytest.MonkeyPatch) -> None:
    World(monkeypatch)
    with pytest.raises(TwError) as refused:
        open_account("digitalocean", credentials_of("digitalocean", {"token": "wrong"}))
    assert refused.value.code == "cloud-token-refused" and "wrong" not in str(refused.value)
    with pytest.raises(Misuse, match="credentials for hetzner"):
        needed("hetzner", None)
