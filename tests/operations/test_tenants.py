"""A relay's servers as the API and the commands treat them."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tunnel_whisperer.base.errors import Misuse, Unreachable
from tunnel_whisperer.daemon.standard_relay import StandardRelay
from tunnel_whisperer.operations.tenants import (
    dismiss,
    enroll,
    invite,
    is_invitation,
    own_port,
    response_again,
    unenroll,
    withdraw,
)
from tunnel_whisperer.profile import Config, Profile, load_config
from tunnel_whisperer.provision.standard import Difference
from tunnel_whisperer.tenancy import (
    InviteBook,
    JoinResponse,
    TenantBook,
    make_join_request,
    make_relay_identity,
    make_server_identity,
    make_standard_relay_identity,
)


@pytest.fixture
def relay(tmp_path: Path) -> tuple[Profile, Config]:
    profile = Profile(tmp_path / "relay")
    return profile, make_relay_identity(profile, "relay.test", listen=":8443")


@pytest.fixture
def standard(tmp_path: Path) -> tuple[Profile, Config]:
    profile = Profile(tmp_path / "standard")
    return profile, make_standard_relay_identity(profile, "relay.test")


@pytest.fixture
def request_text(tmp_path: Path) -> str:
    profile = Profile(tmp_path / "plant")
    make_server_identity(profile, "plant")
    return make_join_request(profile, "relay.test").to_text()


class Machine:
    """In the place of a standard relay's machine."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.has: list[str] = []
        self.reachable = True

        async def apply(relay: StandardRelay, on_step: Callable[[str], None]) -> Difference:
            if not self.reachable:
                raise Unreachable("relay-unreachable", "no way there")
            wanted = [tenant.server_id for tenant in relay.site().tenants]
            if wanted == self.has:
                return Difference()
            on_step("reloading Caddy")
            self.has = wanted
            return Difference(stopped=("something",))

        monkeypatch.setattr(StandardRelay, "apply", apply)


def test_a_request_becomes_a_response_with_the_port_that_the_relay_listens_on(
    relay: tuple[Profile, Config], request_text: str
) -> None:
    profile, config = relay
    done = asyncio.run(enroll(profile, config, request_text))
    response = JoinResponse.parse(done.response)
    assert (done.server_id, done.file_name) == ("plant", "plant-response.json")
    assert (response.relay_port, own_port(config)) == (8443, 8443)
    again = asyncio.run(enroll(profile, config, request_text, port=443))
    assert JoinResponse.parse(again.response).relay_port == 443


def test_clients_dial_443_where_a_web_server_or_a_machine_of_its_own_answers(
    relay: tuple[Profile, Config], standard: tuple[Profile, Config]
) -> None:
    config = relay[1]
    assert own_port(replace(config, relay=replace(config.relay, behind_proxy=True))) == 443
    assert own_port(standard[1]) == 443


def test_a_standard_relays_machine_is_told_and_what_was_interrupted_is_completed(
    standard: tuple[Profile, Config], request_text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine, said = Machine(monkeypatch), list[str]()
    asyncio.run(enroll(*standard, request_text, say=said.append))
    assert machine.has == ["plant", "relay-admin"] and said == ["reloading Caddy"]
    machine.reachable = False
    with pytest.raises(Unreachable):
        asyncio.run(unenroll(*standard, "plant"))
    assert machine.has == ["plant", "relay-admin"] and TenantBook(standard[0]).all() == []
    machine.reachable = True
    assert asyncio.run(unenroll(*standard, "plant", say=said.append)) == "server plant"
    assert machine.has == ["relay-admin"] and len(said) == 2
    with pytest.raises(Misuse) as refused:
        asyncio.run(unenroll(*standard, "plant"))
    assert refused.value.code == "no-such-name"


def test_an_invitation_is_withdrawn_by_name_or_id_and_no_server_with_it(
    relay: tuple[Profile, Config], request_text: str
) -> None:
    profile, config = relay
    token = invite(profile, config, "lab", expires=time.time() + 3600)
    assert (token.name, token.relay.port) == ("lab", 8443)
    invite(profile, config, expires=time.time() + 3600)
    unnamed = next(each.id for each in InviteBook(profile).all() if not each.name)
    assert is_invitation(profile, "lab") and is_invitation(profile, unnamed)
    assert withdraw(profile, config, "lab") == "the invitation lab"
    assert withdraw(profile, config, unnamed) == f"the invitation {unnamed}"
    asyncio.run(enroll(profile, config, request_text))
    for name in ("plant", "lab"):
        with pytest.raises(Misuse) as refused:
            withdraw(profile, config, name)
        assert refused.value.code == "no-such-name"
    assert [record.server_id for record in TenantBook(profile).all()] == ["plant"]


def test_each_is_a_relays_business_and_an_invitation_an_embedded_ones(
    tmp_path: Path, standard: tuple[Profile, Config], request_text: str
) -> None:
    server = Profile(tmp_path / "plant")
    config = load_config(server.config)
    for act in (
        lambda: asyncio.run(enroll(server, config, request_text)),
        lambda: asyncio.run(unenroll(server, config, "plant")),
        lambda: withdraw(server, config, "plant"),
        lambda: invite(server, config, expires=0),
        lambda: invite(*standard, expires=time.time() + 3600),
    ):
        with pytest.raises(Misuse) as refused:
            act()
        assert refused.value.code == "wrong-role"


def test_what_is_no_request_changes_nothing(relay: tuple[Profile, Config]) -> None:
    with pytest.raises(Misuse) as refused:
        asyncio.run(enroll(*relay, json.dumps({})))
    assert refused.value.code == "bad-join-file" and TenantBook(relay[0]).all() == []


def test_the_response_of_a_server_can_be_had_again_until_it_is_removed(
    relay: tuple[Profile, Config], request_text: str
) -> None:
    done = asyncio.run(enroll(*relay, request_text))
    assert response_again(*relay, "plant") == done
    assert JoinResponse.parse(response_again(*relay, "plant", port=443).response).relay_port == 443
    assert dismiss(*relay, "plant") == "server plant"
    for act in (lambda: response_again(*relay, "plant"), lambda: dismiss(*relay, "plant")):
        with pytest.raises(Misuse) as refused:
            act()
        assert refused.value.code == "no-such-name"
