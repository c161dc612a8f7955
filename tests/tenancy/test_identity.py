from __future__ import annotations

import shutil
import ssl
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.profile.crash import every_kill, fill_disk, needs_fork, snapshot
from tests.tenancy.setting import joined
from tunnel_whisperer.base.errors import Misuse, render
from tunnel_whisperer.base.values import Grant
from tunnel_whisperer.pki import (
    certificate_hosts,
    certificate_uuid,
    check_client,
    check_key_pair,
    public_key_of,
)
from tunnel_whisperer.profile import Config, Profile, load_config, save_config
from tunnel_whisperer.tenancy import (
    UserBook,
    make_relay_identity,
    make_server_identity,
    make_standard_relay_identity,
)


def _check_server(profile: Profile) -> None:
    """All parts are there and fit together."""
    config = load_config(profile.config)
    assert (config.mode, config.xray.path, config.server.relay_ssh_user) == ("server", "/tw/plant", "plant")
    for private, public in (
        (profile.private_key, profile.public_key),
        (profile.host_key, profile.host_public_key),
    ):
        assert public.read_text() == f"{public_key_of(private.read_bytes())} plant@tw\n"
    check_key_pair(profile.ca_cert.read_text(), profile.ca_key.read_text())
    cert = profile.client_cert.read_text()
    check_key_pair(cert, profile.client_key.read_text())
    assert check_client(ssl.PEM_cert_to_DER_cert(cert), profile.ca_cert.read_text()) == config.xray.uuid
    assert profile.authorized_keys.read_bytes() == b""


def _check_relay(profile: Profile, domain: str = "relay.example") -> None:
    config = load_config(profile.config)
    assert (config.mode, config.relay.domain) == ("relay", domain)
    assert (
        profile.host_public_key.read_text().split()[:2]
        == public_key_of(profile.host_key.read_bytes()).split()
    )
    cert = profile.relay_cert.read_text()
    check_key_pair(cert, profile.relay_key.read_text())
    assert certificate_hosts(cert) == {domain}


def test_a_server_has_all_its_parts_and_a_second_run_changes_nothing(tmp_path: Path) -> None:
    profile = Profile(tmp_path / "s")
    config = make_server_identity(profile, "plant")
    assert config == load_config(profile.config)
    _check_server(profile)
    before = snapshot(tmp_path)
    assert make_server_identity(profile, "plant") == config
    assert snapshot(tmp_path) == before


def test_a_relay_has_all_its_parts_and_a_second_run_changes_nothing(tmp_path: Path) -> None:
    profile = Profile(tmp_path / "r")
    make_relay_identity(profile, "relay.example", listen="127.0.0.1:8443")
    _check_relay(profile)
    before = snapshot(tmp_path)
    assert make_relay_identity(profile, "").relay.listen == "127.0.0.1:8443"
    assert snapshot(tmp_path) == before


def test_every_file_is_private(tmp_path: Path) -> None:
    joined(tmp_path)
    for path in tmp_path.rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path


def test_a_relay_that_moves_gets_a_new_certificate_of_the_same_ca(tmp_path: Path) -> None:
    profile = Profile(tmp_path)
    make_relay_identity(profile, "relay.example")
    ca, host_key = profile.relay_ca_cert.read_bytes(), profile.host_key.read_bytes()
    make_relay_identity(profile, "10.0.0.4", behind_proxy=True)
    _check_relay(profile, "10.0.0.4")
    assert (profile.relay_ca_cert.read_bytes(), profile.host_key.read_bytes()) == (ca, host_key)
    assert load_config(profile.config).relay.behind_proxy


def test_a_leaf_that_ends_soon_is_issued_again_for_the_same_uuid(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from datetime import timedelta

    from tunnel_whisperer.tenancy import identity

    both = joined(tmp_path)
    before = {path: path.read_bytes() for path in (both.server.client_cert, both.relay.relay_cert)}
    monkeypatch.setattr(identity, "_RENEW_BEFORE", timedelta(days=10_000))
    config = make_server_identity(both.server, "plant")
    make_relay_identity(both.relay, "")
    assert all(path.read_bytes() != content for path, content in before.items())
    assert certificate_uuid(both.server.client_cert.read_text()) == config.xray.uuid == both.request.uuid
    _check_relay(both.relay)


@needs_fork
def test_a_server_whose_making_was_killed_anywhere_is_completed_by_the_next_run(tmp_path: Path) -> None:
    profile = Profile(tmp_path / "s")

    def prepare() -> None:
        shutil.rmtree(profile.directory, ignore_errors=True)

    for _ in every_kill(lambda: make_server_identity(profile, "plant"), prepare):
        if profile.config.exists():
            _check_server(profile)
        make_server_identity(profile, "plant")
        _check_server(profile)


@needs_fork
def test_a_relay_whose_making_was_killed_anywhere_is_completed_by_the_next_run(tmp_path: Path) -> None:
    profile = Profile(tmp_path / "r")

    def prepare() -> None:
        shutil.rmtree(profile.directory, ignore_errors=True)

    for _ in every_kill(lambda: make_relay_identity(profile, "relay.example"), prepare):
        if profile.config.exists():
            _check_relay(profile)
        make_relay_identity(profile, "relay.example")
        _check_relay(profile)


def test_a_disk_that_fills_up_leaves_no_half_identity(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    profile = Profile(tmp_path / "s")
    for step in range(1, 40):
        with monkeypatch.context() as patch:
            fill_disk(patch, step, "fsync", lasting=True)
            try:
                make_server_identity(profile, "plant")
            except Misuse as exc:
                code = exc.code
            else:
                break
        assert code == "state-not-written"
        assert not profile.config.exists()
        assert not list(profile.directory.rglob("*.tmp"))
        shutil.rmtree(profile.directory)
    assert step > 8
    _check_server(profile)


@pytest.mark.parametrize("role", ["relay", "client", "server"])
def test_a_directory_of_another_role_stays_as_it_is(tmp_path: Path, role: str) -> None:
    profile = Profile(tmp_path)
    save_config(profile.config, Config(mode=role))
    before = snapshot(tmp_path)
    for make, own in ((make_server_identity, "server"), (make_relay_identity, "relay")):
        if own != role:
            with pytest.raises(Misuse) as caught:
                make(profile, "plant")
            assert caught.value.code == "wrong-role"
            assert caught.value.where == str(tmp_path)
            assert f" is a {role}'s, and this is a {own}'s business" in caught.value.why
            assert "tw create context NAME" in caught.value.hint
    assert snapshot(tmp_path) == before


def test_a_server_that_is_enrolled_or_has_users_keeps_its_id(tmp_path: Path) -> None:
    enrolled = joined(tmp_path).server
    with_users = Profile(tmp_path / "new")
    make_server_identity(with_users, "plant")
    UserBook(with_users).create("alice", [Grant.parse("22")])
    for profile in (enrolled, with_users):
        with pytest.raises(Misuse) as caught:
            make_server_identity(profile, "other")
        assert render(caught.value) == (
            f"tw: exists: {profile.directory}: this directory is the server 'plant'"
            " (try: use that id, or tw create context NAME for another server)"
        )


def test_a_server_that_nobody_knows_may_take_another_id_and_keeps_its_keys(tmp_path: Path) -> None:
    profile = Profile(tmp_path)
    before = make_server_identity(profile, "plant")
    key, ca = profile.private_key.read_bytes(), profile.ca_cert.read_bytes()
    after = make_server_identity(profile, "other")
    assert (after.server_id, after.server.relay_ssh_user) == ("other", "other")
    assert after.xray.uuid == before.xray.uuid
    assert (profile.private_key.read_bytes(), profile.ca_cert.read_bytes()) == (key, ca)
    assert load_config(profile.config) == after


@pytest.mark.parametrize("server_id", ["", "-a", "A", "a_b", "a/b", "..", "a" * 32, "ä", "a\n", "a b"])
def test_a_server_id_is_plain(tmp_path: Path, server_id: str) -> None:
    with pytest.raises(Misuse, match="is not a server id") as caught:
        make_server_identity(Profile(tmp_path / "s"), server_id)
    assert caught.value.code == "bad-argument"
    assert not (tmp_path / "s").exists()


@pytest.mark.parametrize("domain", ["", "a b", "https://relay.example", "relay.example:443"])
def test_a_relay_needs_a_plain_name(tmp_path: Path, domain: str) -> None:
    with pytest.raises(Misuse) as caught:
        make_relay_identity(Profile(tmp_path), domain)
    assert caught.value.code == "bad-argument"
    assert caught.value.hint


@pytest.mark.parametrize("name", ["id_ed25519", "ssh_host_ed25519_key", "ca.key", "ca.crt"])
def test_what_the_relay_knows_of_a_server_is_never_made_anew(tmp_path: Path, name: str) -> None:
    both = joined(tmp_path)
    (both.server.directory / name).unlink()
    with pytest.raises(Misuse, match="others rely on what was in it") as caught:
        make_server_identity(both.server, "plant")
    assert caught.value.code == "not-set-up"
    assert caught.value.where.endswith(name)


@pytest.mark.parametrize("name", ["ssh_host_ed25519_key", "relay/ca.key", "relay/ca.crt"])
def test_what_the_servers_know_of_a_relay_is_never_made_anew(tmp_path: Path, name: str) -> None:
    both = joined(tmp_path)
    (both.relay.directory / name).unlink()
    with pytest.raises(Misuse, match="others rely on what was in it"):
        make_relay_identity(both.relay, "")


def test_a_lost_public_key_and_a_lost_certificate_are_made_again(tmp_path: Path) -> None:
    both = joined(tmp_path)
    for path in (both.server.public_key, both.server.client_cert, both.server.authorized_keys):
        path.unlink()
    make_server_identity(both.server, "plant")
    _check_server(both.server)
    assert load_config(both.server.config).xray.uuid == both.request.uuid


# -- a standard relay ------------------------------------------------------------------------------


def test_a_standard_relay_has_a_way_for_its_administrator(tmp_path: Path) -> None:
    profile = Profile(tmp_path / "r")
    config = make_standard_relay_identity(profile, "relay.example")
    assert (config.relay.kind, config.relay.domain, config.relay.ssh_open) == (
        "standard",
        "relay.example",
        False,
    )
    cert = profile.client_cert.read_text()
    named = check_client(ssl.PEM_cert_to_DER_cert(cert), profile.ca_cert.read_text())
    assert named is not None and named == certificate_uuid(cert)
    assert public_key_of(profile.private_key.read_bytes()) != public_key_of(profile.host_key.read_bytes())
    before = snapshot(tmp_path)
    assert make_standard_relay_identity(profile, "") == config
    assert snapshot(tmp_path) == before
    assert make_standard_relay_identity(profile, "", ssh_open=True).relay.ssh_open


def test_a_relay_is_of_one_kind_and_one_name(tmp_path: Path) -> None:
    embedded, standard = Profile(tmp_path / "e"), Profile(tmp_path / "s")
    make_relay_identity(embedded, "relay.example")
    make_standard_relay_identity(standard, "relay.example")
    ways: tuple[Callable[[], object], ...] = (
        lambda: make_standard_relay_identity(embedded, "relay.example"),
        lambda: make_standard_relay_identity(standard, "other.example"),
        lambda: make_relay_identity(standard, "relay.example"),
    )
    for make in ways:
        before = snapshot(tmp_path)
        with pytest.raises(Misuse) as caught:
            make()
        assert "tw create context" in caught.value.hint and snapshot(tmp_path) == before


@needs_fork
def test_a_standard_relay_is_completed_wherever_its_making_was_killed(tmp_path: Path) -> None:
    profile = Profile(tmp_path / "r")

    def prepare() -> None:
        shutil.rmtree(profile.directory, ignore_errors=True)

    for _ in every_kill(lambda: make_standard_relay_identity(profile, "relay.example"), prepare):
        config = make_standard_relay_identity(profile, "relay.example")
        assert config == load_config(profile.config)
        check_client(ssl.PEM_cert_to_DER_cert(profile.client_cert.read_text()), profile.ca_cert.read_text())
