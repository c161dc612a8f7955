from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.tenancy.setting import Setting, joined
from tunnel_whisperer.base.errors import Misuse, render
from tunnel_whisperer.base.values import Grant
from tunnel_whisperer.bundle import install_bundle, open_bundle, pack_client
from tunnel_whisperer.profile import Config, Contexts, Profile, load_config, locked, save_config
from tunnel_whisperer.tenancy import (
    UserBook,
    apply_response,
    check_signed_role,
    make_join_request,
    make_join_response,
    make_relay_identity,
    make_server_identity,
)

Edit = Callable[[Config], Config]


@pytest.fixture
def both(tmp_path: Path) -> Setting:
    return joined(tmp_path)


@pytest.fixture
def client(both: Setting, tmp_path: Path) -> Profile:
    user = UserBook(both.server).create("alice", [Grant.parse("5432")])
    profile = Profile(tmp_path / "client")
    install_bundle(profile, open_bundle(pack_client(both.server, user)))
    return profile


def test_who_has_the_role_is_named_and_nothing_is_waited_for(both: Setting) -> None:
    contexts = Contexts(both.server.directory)
    other = contexts.create("hub", lambda x: save_config(x.config, Config(mode="relay")), activate=False)
    with locked(both.server), pytest.raises(Misuse) as caught:  # as is a change of contexts that waits for it
        (both.server.directory / "contexts" / ".new-abcdef").mkdir()
        make_relay_identity(both.server, "relay.test")
    assert caught.value.why == "this context (plant) is a server's, and this is a relay's business"
    assert caught.value.hint == "tw use hub"
    assert (both.server.directory / "contexts" / ".new-abcdef").exists()
    with pytest.raises(Misuse) as caught:
        make_server_identity(other.profile, "plant")
    assert caught.value.hint == "tw use plant"


def _edit(profile: Profile, edit: Edit) -> None:
    save_config(profile.config, edit(load_config(profile.config)))


def _refused(profile: Profile, code: str = "wrong-role") -> Misuse:
    with pytest.raises(Misuse) as caught:
        check_signed_role(load_config(profile.config), profile)
    assert caught.value.code == code, render(caught.value)
    assert caught.value.hint
    return caught.value


def test_each_role_is_signed_by_who_gives_it(both: Setting, client: Profile) -> None:
    for profile in (both.relay, both.server, client):
        config = load_config(profile.config)
        assert config.role_signature
        check_signed_role(config, profile)


def test_a_server_has_no_role_to_show_before_its_relay_answered(tmp_path: Path) -> None:
    profile = Profile(tmp_path)
    check_signed_role(make_server_identity(profile, "plant"), profile)


@pytest.mark.parametrize("role", ["relay", "server", "client"])
@pytest.mark.parametrize("wrong", ["relay", "server", "client"])
def test_a_changed_role_is_refused_and_the_one_that_was_given_is_named(
    both: Setting, client: Profile, role: str, wrong: str
) -> None:
    profile = {"relay": both.relay, "server": both.server, "client": client}[role]
    _edit(profile, lambda config: replace(config, mode=wrong))
    if role == wrong:
        check_signed_role(load_config(profile.config), profile)
        return
    told = _refused(profile)
    assert told.why.startswith(f"this was changed to {wrong}, and is a {role}, as ")
    assert f"write mode: {role} again" in told.hint
    assert "tw create context NAME" in told.hint


@pytest.mark.parametrize(("role", "way"), [("server", "tw join"), ("client", "tw connect FILE.zip")])
def test_a_role_that_nobody_signed_is_refused_with_the_way_back(
    both: Setting, client: Profile, role: str, way: str
) -> None:
    profile = {"server": both.server, "client": client}[role]
    _edit(profile, lambda config: replace(config, role_signature=""))
    assert way in _refused(profile).hint
    check_signed_role(load_config(profile.config), profile, may_lack=True)


def test_a_relay_that_did_not_sign_itself_is_refused(both: Setting) -> None:
    _edit(both.relay, lambda config: replace(config, role_signature=""))
    assert "tw import FILE" in _refused(both.relay).hint
    with pytest.raises(Misuse, match="the relay itself did not sign"):
        make_relay_identity(both.relay, "")


def test_a_server_gets_its_role_back_by_joining_again(both: Setting) -> None:
    _edit(both.server, lambda config: replace(config, role_signature=""))
    make_server_identity(both.server, "plant")
    request = make_join_request(both.server, "relay.example")
    assert request == both.request
    apply_response(both.server, make_join_response(both.relay, request, 20000))
    check_signed_role(load_config(both.server.config), both.server)


def test_a_client_that_calls_itself_a_server_cannot_join(client: Profile) -> None:
    _edit(client, lambda config: replace(config, mode="server"))
    with pytest.raises(Misuse, match="and is a client, as its server signed"):
        make_server_identity(client, "plant")
    assert not client.host_key.exists()


def test_anothers_signature_is_none(both: Setting, tmp_path: Path) -> None:
    other = joined(tmp_path / "other")
    signature = load_config(other.server.config).role_signature
    _edit(both.server, lambda config: replace(config, role_signature=signature))
    assert "its relay did not sign that this is a server" in _refused(both.server).why


def test_a_key_that_was_lost_is_the_plainer_reason(both: Setting, client: Profile) -> None:
    for profile, path in (
        (both.relay, both.relay.host_key),
        (both.server, both.server.private_key),
        (client, client.private_key),
    ):
        path.unlink()
        assert _refused(profile, "not-set-up").where == str(path)


def test_a_damaged_key_is_named(client: Profile) -> None:
    client.private_key.write_text("rubbish")
    with pytest.raises(Misuse) as caught:
        check_signed_role(load_config(client.config), client)
    assert (caught.value.code, caught.value.where) == ("bad-key", str(client.private_key))
