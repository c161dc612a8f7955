from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.profile.crash import every_kill, fill_disk, needs_fork, snapshot
from tests.tenancy.setting import Setting, joined
from tunnel_whisperer.base.errors import Misuse, Refused, render
from tunnel_whisperer.base.limits import MAX_JOIN_FILE_BYTES
from tunnel_whisperer.pki import is_role_signed, make_ca, new_ssh_key, sign_role
from tunnel_whisperer.profile import Profile, load_config, save_config
from tunnel_whisperer.tenancy import (
    JoinRequest,
    JoinResponse,
    apply_response,
    make_join_request,
    make_join_response,
    make_relay_identity,
    make_server_identity,
)

CA = make_ca("plant")
KEY, PUBLIC = new_ssh_key()
HOST_KEY, HOST_PUBLIC = new_ssh_key()
UUID = uuid.UUID("0f0e0d0c-0b0a-4908-8706-050403020100")
REQUEST = JoinRequest("plant", UUID, CA.cert_pem, PUBLIC, "relay.example")
RESPONSE = JoinResponse(
    "plant",
    "relay.example",
    443,
    "/tw/plant",
    20000,
    "plant",
    HOST_PUBLIC,
    CA.cert_pem,
    UUID,
    PUBLIC,
    False,
    sign_role(HOST_KEY, "server", PUBLIC),
).signed(HOST_KEY)

Parse = Callable[[str | bytes], object]


def _error(parse: Parse, text: str | bytes) -> str:
    with pytest.raises(Misuse) as caught:
        parse(text)
    assert caught.value.code == "bad-join-file"
    assert caught.value.hint
    return str(caught.value)


def str_of_field(value: object) -> str:
    """Names of cases are the same in every process, which keys made on the spot are not."""
    text = str(value)
    return text if len(text) < 64 and "ssh-ed25519 " not in text else "material"


def _changed(text: str, **fields: Any) -> str:
    return json.dumps(json.loads(text) | fields)


def test_files_are_read_as_they_were_written() -> None:
    assert JoinRequest.parse(REQUEST.to_text()) == REQUEST
    assert JoinResponse.parse(RESPONSE.to_text().encode()) == RESPONSE
    public_ca = replace(RESPONSE, relay_ca="").signed(HOST_KEY)
    assert JoinResponse.parse(public_ca.to_text()) == public_ca


def test_a_request_holds_public_material_only(tmp_path: Path) -> None:
    both = joined(tmp_path)
    text = both.request.to_text()
    assert "PRIVATE" not in text
    for path in (both.server.private_key, both.server.ca_key, both.server.client_key):
        secret = "".join(path.read_text().splitlines()[1:-1])
        assert secret[10:60] not in text.replace("\\n", "")


@pytest.mark.parametrize("parse", [JoinRequest.parse, JoinResponse.parse])
@pytest.mark.parametrize(
    "text",
    ["", "x", "[]", "null", "3", '"x"', b"\xff", "{", "[" * 60_000, '{"a": NaN}', '{"a": 1}{', '{"a": "\\ud800'],
    ids=str_of_field,
)  # fmt: skip
def test_what_is_no_json_object_is_no_join_file(parse: Parse, text: str | bytes) -> None:
    assert _error(parse, text) in ("this is no join request", "this is no join response")


def test_a_large_file_is_not_even_parsed() -> None:
    assert (
        _error(JoinRequest.parse, " " * (MAX_JOIN_FILE_BYTES + 1)) == "more than 64 KiB are no join request"
    )


def test_the_other_kind_of_file_is_named() -> None:
    assert (
        _error(JoinRequest.parse, RESPONSE.to_text())
        == "kind: this is a 'tw join response', not a 'tw join request'"
    )
    assert (
        _error(JoinResponse.parse, REQUEST.to_text())
        == "kind: this is a 'tw join request', not a 'tw join response'"
    )


def test_a_newer_format_is_refused_before_anything_else() -> None:
    text = _changed(REQUEST.to_text(), format=2, kind="new", more=1)
    assert _error(JoinRequest.parse, text) == "format: written by a newer tw (format 2, this one reads 1)"


@pytest.mark.parametrize("text", [REQUEST.to_text(), RESPONSE.to_text()], ids=["request", "response"])
def test_each_field_is_needed_and_no_other_is_read(text: str) -> None:
    parse: Parse = JoinRequest.parse if text == REQUEST.to_text() else JoinResponse.parse
    for name in json.loads(text):
        fields = json.loads(text)
        del fields[name]
        assert _error(parse, json.dumps(fields)) == f"{name}: is missing"
    assert _error(parse, _changed(text, more=1)) == "more: is not a field of it"
    twice = text.replace('"kind"', '"server_id": "plant",\n  "kind"')
    assert _error(parse, twice) == "a field is there twice"


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("format", "1", "is not a whole number from 1 to 1000000000"),
        ("format", True, "is not a whole number from 1 to 1000000000"),
        ("server_id", 3, "is not text"),
        ("server_id", "a/b", "'a/b' is not a server id"),
        ("server_id", "a" * 65, "has more than 64 characters"),
        ("server_id", "\ud800", "is not text"),
        ("uuid", "x", "is not a UUID"),
        ("uuid", UUID.hex, "is not a UUID"),
        ("ca", "x", "this is not one certificate in PEM"),
        ("ca", CA.cert_pem + CA.cert_pem, "this is not one certificate in PEM"),
        ("ca", CA.key_pem, "this is not one certificate in PEM"),
        ("ssh_public_key", "ssh-rsa AAAA", "a public key line begins with ssh-ed25519"),
        ("ssh_public_key", f'{PUBLIC}\ncommand="x" {PUBLIC}', "a public key line begins with ssh-ed25519"),
        ("relay_host", "a b", "'a b' is not a host name or address"),
        ("relay_host", "", "'' is not a host name or address"),
    ],
    ids=str_of_field,
)  # fmt: skip
def test_a_request_with_a_bad_field(field: str, value: object, message: str) -> None:
    assert _error(JoinRequest.parse, _changed(REQUEST.to_text(), **{field: value})) == f"{field}: {message}"


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("role", "relay", "a join response makes a server"),
        ("relay_port", 0, "is not a whole number from 1 to 65535"),
        ("relay_port", 443.0, "is not a whole number from 1 to 65535"),
        ("remote_port", 22, "is not a whole number from 1024 to 65535"),
        ("path", "/tw/other", "is not /tw/plant"),
        ("path", "tw", "'tw' is not a path like /tw/plant"),
        ("relay_user", "a b", "'a b' is not a user name"),
        ("relay_ca", "x", "this is not one certificate in PEM"),
        ("signature", "?", "is not base64"),
        ("signature", "", "the relay did not sign this"),
        # well-formed, but not what was signed
        ("relay_host", "evil.example", "the relay did not sign this"),
        ("relay_port", 444, "the relay did not sign this"),
        ("remote_port", 20001, "the relay did not sign this"),
        ("relay_user", "root", "the relay did not sign this"),
        ("relay_host_key", PUBLIC, "the relay did not sign this"),
        ("relay_ca", "", "the relay did not sign this"),
        ("uuid", str(uuid.UUID(int=1)), "the relay did not sign this"),
        ("ssh_public_key", HOST_PUBLIC, "the relay did not sign this"),
        ("role_signature", "", "the relay did not sign this"),
    ],
    ids=str_of_field,
)  # fmt: skip
def test_a_response_with_a_bad_field(field: str, value: object, message: str) -> None:
    text = _changed(RESPONSE.to_text(), **{field: value})
    expected = f"signature: {message}" if "sign this" in message else f"{field}: {message}"
    assert _error(JoinResponse.parse, text) == expected


def test_a_response_without_a_role_is_refused() -> None:
    for signature in ("", "x", sign_role(HOST_KEY, "client", PUBLIC), sign_role(KEY, "server", PUBLIC)):
        response = replace(RESPONSE, role_signature=signature).signed(HOST_KEY)
        assert _error(JoinResponse.parse, response.to_text()) == "role_signature: the relay did not sign this"


def test_a_relay_signs_with_the_key_that_it_names_only() -> None:
    with pytest.raises(Misuse, match="names another host key"):
        RESPONSE.signed(KEY)


@given(st.text(max_size=60), st.integers(0, 2000), st.integers(0, 60))
def test_mutated_files_give_documented_errors_only(insert: str, at: int, cut: int) -> None:
    for parse, text in ((JoinRequest.parse, REQUEST.to_text()), (JoinResponse.parse, RESPONSE.to_text())):
        at %= len(text)
        changed = text[:at] + insert + text[at + cut :]
        try:
            parse(changed)
        except Misuse as exc:
            assert exc.code == "bad-join-file"  # noqa: PT017 - most changes are refused, some are harmless


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda x: st.lists(x, max_size=3),
)


@given(st.sampled_from(sorted(json.loads(RESPONSE.to_text()))), _JSON)
def test_any_value_in_any_field_gives_documented_errors_only(field: str, value: object) -> None:
    for parse, text in ((JoinRequest.parse, REQUEST.to_text()), (JoinResponse.parse, RESPONSE.to_text())):
        try:
            parse(_changed(text, **{field: value}))
        except Misuse as exc:
            assert exc.code == "bad-join-file"  # noqa: PT017


def test_the_response_tells_the_server_all_it_needs(tmp_path: Path) -> None:
    both = joined(tmp_path)
    config = load_config(both.server.config)
    assert config.missing() == ()
    assert (config.xray.relay_host, config.xray.relay_port, config.xray.path) == (
        "relay.example",
        443,
        "/tw/plant",
    )
    assert config.xray.relay_ca == both.relay.relay_ca_cert.read_text()
    assert config.server.remote_port == 20000
    assert is_role_signed(
        config.server.relay_host_key, config.role_signature, "server", both.server.public_key.read_text()
    )
    assert config.server.relay_host_key == " ".join(both.relay.host_public_key.read_text().split()[:2])


@pytest.mark.parametrize("options", [{"behind_proxy": True}, {"cert": "/c.pem", "key": "/k.pem"}])
def test_a_relay_with_a_public_certificate_hands_out_no_ca(tmp_path: Path, options: dict[str, Any]) -> None:
    both = joined(tmp_path)
    make_relay_identity(both.relay, "", **options)
    assert make_join_response(both.relay, both.request, 20000).relay_ca == ""


def test_applying_twice_changes_nothing(tmp_path: Path) -> None:
    both = joined(tmp_path)
    before = snapshot(tmp_path)
    apply_response(both.server, make_join_response(both.relay, both.request, 20000))
    assert snapshot(tmp_path) == before


def test_at_a_standard_relay_servers_share_an_account_and_say_who_their_users_are(tmp_path: Path) -> None:
    both = joined(tmp_path)
    config = load_config(both.relay.config)
    save_config(both.relay.config, replace(config, relay=replace(config.relay, kind="standard")))
    response = make_join_response(both.relay, both.request, 20000)
    assert (response.relay_user, response.announce_users, response.relay_ca) == ("tw", True, "")
    changed = apply_response(both.server, JoinResponse.parse(response.to_text()))
    assert changed.server.announce_users and changed.server.relay_ssh_user == "tw"


def test_settings_of_the_machine_survive_a_new_response(tmp_path: Path) -> None:
    both = joined(tmp_path)
    config = replace(load_config(both.server.config), proxy="http://proxy:3128", log_level="debug")
    save_config(both.server.config, config)
    changed = apply_response(both.server, make_join_response(both.relay, both.request, 20007))
    assert changed == replace(config, server=replace(config.server, remote_port=20007))


def _response(both: Setting, **changes: Any) -> JoinResponse:
    response = make_join_response(both.relay, both.request, 20000)
    return replace(response, **changes).signed(both.relay.host_key.read_bytes())


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"server_id": "other", "path": "/tw/other"}, "server_id"),
        ({"uuid": UUID}, "uuid"),
        ({"ssh_public_key": PUBLIC}, "ssh_public_key"),
    ],
)
def test_a_response_for_another_server_is_refused(
    tmp_path: Path, changes: dict[str, Any], field: str
) -> None:
    both = joined(tmp_path)
    before = snapshot(tmp_path)
    with pytest.raises(Misuse) as caught:
        apply_response(both.server, _response(both, **changes))
    assert render(caught.value) == (
        f"tw: bad-join-file: {field}: this response is for another server"
        " (try: apply it in the directory (--config-dir) that made the request)"
    )
    assert snapshot(tmp_path) == before


def test_an_unsigned_response_is_refused_even_if_it_was_never_a_file(tmp_path: Path) -> None:
    both = joined(tmp_path)
    with pytest.raises(Misuse, match="did not sign"):
        apply_response(both.server, replace(_response(both), relay_port=444))


def test_another_relay_is_not_pinned_without_force(tmp_path: Path) -> None:
    both = joined(tmp_path)
    impostor = Profile(tmp_path / "impostor")
    make_relay_identity(impostor, "relay.example")
    response = make_join_response(impostor, both.request, 20000)
    with pytest.raises(Refused, match=r"pinned another relay \(relay\.example\)") as caught:
        apply_response(both.server, response)
    assert caught.value.code == "host-key-mismatch"
    assert apply_response(both.server, response, force=True).server.relay_host_key == response.relay_host_key


def test_requests_come_from_servers_and_responses_from_relays(tmp_path: Path) -> None:
    both = joined(tmp_path)
    for act in (
        lambda: make_join_request(both.relay, "relay.example"),
        lambda: make_join_response(both.server, both.request, 20000),
        lambda: apply_response(both.relay, RESPONSE),
    ):
        with pytest.raises(Misuse) as caught:
            act()
        assert caught.value.code == "wrong-role"
    with pytest.raises(Misuse) as caught:
        make_join_request(Profile(tmp_path / "nothing"), "relay.example")
    assert caught.value.code == "not-set-up"
    with pytest.raises(Misuse, match="'a b' is not a host") as caught:
        make_join_request(both.server, "a b")
    assert caught.value.code == "bad-argument"


@needs_fork
def test_an_apply_that_is_killed_leaves_the_old_or_the_new_configuration(tmp_path: Path) -> None:
    both = joined(tmp_path)
    old = load_config(both.server.config)
    response = make_join_response(both.relay, both.request, 20009)
    seen = set()
    for _ in every_kill(
        lambda: apply_response(both.server, response), lambda: save_config(both.server.config, old)
    ):
        seen.add(load_config(both.server.config).server.remote_port)
        assert apply_response(both.server, response).server.remote_port == 20009
    assert seen == {20000, 20009}


def test_a_full_disk_leaves_the_old_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    both = joined(tmp_path)
    response = make_join_response(both.relay, both.request, 20009)
    before = snapshot(tmp_path)
    fill_disk(monkeypatch, 1, "fsync")
    with pytest.raises(Misuse) as caught:
        apply_response(both.server, response)
    assert caught.value.code == "state-not-written"
    assert snapshot(tmp_path) == before


def test_a_server_without_an_id_cannot_ask(tmp_path: Path) -> None:
    profile = Profile(tmp_path)
    config = make_server_identity(profile, "plant")
    save_config(profile.config, replace(config, xray=replace(config.xray, path="")))
    with pytest.raises(Misuse, match="no id yet"):
        make_join_request(profile, "relay.example")
