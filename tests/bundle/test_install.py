from __future__ import annotations

import shutil
import stat
import uuid
from dataclasses import replace
from pathlib import Path

import pytest

from tests.profile.crash import every_kill, fill_disk, needs_fork, snapshot
from tests.tenancy.setting import Setting, joined
from tunnel_whisperer.base.errors import Misuse
from tunnel_whisperer.base.values import Grant
from tunnel_whisperer.bundle import BundleContents, install_bundle, open_bundle, pack_client
from tunnel_whisperer.pki import issue_client
from tunnel_whisperer.profile import Config, Profile, format_config, load_config, save_config
from tunnel_whisperer.tenancy import UserBook, make_server_identity
from tunnel_whisperer.tenancy.identity import load_authority


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Setting:
    return joined(tmp_path_factory.mktemp("both"))


@pytest.fixture(scope="module")
def alice(both: Setting) -> BundleContents:
    user = UserBook(both.server).create("alice", [Grant.parse("5432"), Grant.parse("10502:plc-7:502")])
    return open_bundle(pack_client(both.server, user))


@pytest.fixture(scope="module")
def bob(both: Setting) -> BundleContents:
    user = UserBook(both.server).create("bob", [Grant.parse("5432")])
    return open_bundle(pack_client(both.server, user))


@pytest.fixture
def profile(tmp_path: Path) -> Profile:
    return Profile(tmp_path / "client")


def test_a_new_machine_becomes_a_client(profile: Profile, alice: BundleContents) -> None:
    assert install_bundle(profile, alice) == alice.config == load_config(profile.config)
    assert snapshot(profile.directory) == alice.files
    for path in profile.directory.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(profile.directory.stat().st_mode) == 0o700


def test_the_same_bundle_again_changes_nothing(profile: Profile, alice: BundleContents) -> None:
    install_bundle(profile, alice)
    profile.config.write_text("# mine\n" + profile.config.read_text())
    before = snapshot(profile.directory)
    assert install_bundle(profile, alice) == alice.config
    assert snapshot(profile.directory) == before


def test_a_machines_own_settings_survive_a_newer_bundle_of_its_user(
    profile: Profile, alice: BundleContents
) -> None:
    config = install_bundle(profile, alice)
    own = replace(
        config,
        proxy="http://me:pw@proxy:3128",
        log_level="debug",
        xray=replace(config.xray, transport="packet-up"),
        client=replace(
            config.client, listen_address="0.0.0.0", port_overrides=((5432, 15432), (10502, 502)), tunnels=()
        ),
    )
    save_config(profile.config, own)
    assert install_bundle(profile, alice) == replace(
        own, client=replace(own.client, tunnels=config.client.tunnels)
    )


def test_overrides_that_do_not_fit_the_new_tunnels_are_dropped(
    profile: Profile, alice: BundleContents
) -> None:
    config = install_bundle(profile, alice)
    client = replace(config.client, tunnels=config.client.tunnels[:1], port_overrides=((5432, 10502),))
    save_config(profile.config, replace(config, client=client))
    assert install_bundle(profile, alice).client == alice.config.client
    client = replace(client, port_overrides=((5432, 15432), (99, 98)))
    save_config(profile.config, replace(config, client=client))
    assert install_bundle(profile, alice).client.port_overrides == ((5432, 15432),)


def test_another_identity_is_not_replaced(
    profile: Profile, alice: BundleContents, bob: BundleContents
) -> None:
    install_bundle(profile, alice)
    before = snapshot(profile.directory)
    with pytest.raises(Misuse) as caught:
        install_bundle(profile, bob)
    assert caught.value.code == "exists"
    assert str(caught.value) == f"{profile.directory}: there is the identity alice@tw here already"
    assert "tw import FILE.zip --activate" in caught.value.hint
    assert snapshot(profile.directory) == before


def test_a_renewed_certificate_is_the_same_identity(tmp_path: Path) -> None:
    both = joined(tmp_path)
    user = UserBook(both.server).create("alice", [Grant.parse("5432")])
    profile = Profile(tmp_path / "client")
    first = open_bundle(pack_client(both.server, user))
    install_bundle(profile, first)
    own = both.server.users / "alice"
    cert, key = issue_client(load_authority(both.server.ca_cert, both.server.ca_key), user.uuid, "alice")
    (own / "client.crt").write_text(cert)
    (own / "client.key").write_text(key)
    second = open_bundle(pack_client(both.server, user))
    assert second.files["client.key"] != first.files["client.key"]
    install_bundle(profile, second)
    assert snapshot(profile.directory) == second.files


def test_keys_without_a_public_line_are_somebodys_too(
    profile: Profile, alice: BundleContents, bob: BundleContents
) -> None:
    install_bundle(profile, alice)
    for path in (profile.public_key, profile.config, profile.client_key):
        path.unlink()
    with pytest.raises(Misuse, match="there is another identity here already"):
        install_bundle(profile, bob)
    install_bundle(profile, alice)
    assert snapshot(profile.directory) == alice.files


@pytest.mark.parametrize("mode", ["server", "relay"])
def test_a_directory_of_another_role_is_never_overwritten(
    tmp_path: Path, alice: BundleContents, mode: str
) -> None:
    profile = Profile(tmp_path)
    save_config(profile.config, Config(mode=mode))
    before = snapshot(tmp_path)
    with pytest.raises(
        Misuse, match=f"this directory is a {mode}'s, and this bundle makes a client"
    ) as caught:
        install_bundle(profile, alice)
    assert caught.value.code == "wrong-role"
    assert snapshot(tmp_path) == before


def test_a_half_made_server_is_not_overwritten(profile: Profile, alice: BundleContents) -> None:
    make_server_identity(profile, "plant")
    profile.config.unlink()
    with pytest.raises(Misuse, match="identity plant@tw"):
        install_bundle(profile, alice)


@needs_fork
def test_an_installation_killed_anywhere_is_no_client_yet_or_a_whole_one(
    profile: Profile, alice: BundleContents
) -> None:
    seen = set()
    for _ in every_kill(
        lambda: install_bundle(profile, alice), lambda: shutil.rmtree(profile.directory, ignore_errors=True)
    ):
        seen.add(profile.config.exists())
        if profile.config.exists():
            assert alice.files.items() <= snapshot(profile.directory).items()
        install_bundle(profile, alice)
        assert alice.files.items() <= snapshot(profile.directory).items()
    assert seen == {False, True}


@pytest.fixture(scope="module")
def newer(both: Setting, alice: BundleContents) -> BundleContents:
    """Alice's next file, with another port and another certificate."""
    cert, key = issue_client(
        load_authority(both.server.ca_cert, both.server.ca_key),
        alice.config.xray.uuid or uuid.UUID(int=0),
        "a",
    )
    client = replace(alice.config.client, tunnels=alice.config.client.tunnels[:1], revision=7)
    config = replace(alice.config, client=client)
    files = {"config.yaml": format_config(config), "client.crt": cert, "client.key": key}
    return BundleContents(config, {**alice.files, **{x: text.encode() for x, text in files.items()}})


def test_an_older_file_takes_nothing_back(
    profile: Profile, alice: BundleContents, newer: BundleContents
) -> None:
    install_bundle(profile, newer)
    before = snapshot(profile.directory)
    assert install_bundle(profile, alice) == newer.config
    assert snapshot(profile.directory) == before
    profile.client_cert.unlink()
    assert install_bundle(profile, alice) == alice.config  # rather that than half a client


@needs_fork
def test_an_update_killed_anywhere_is_completed_by_the_next_run(
    profile: Profile, alice: BundleContents, newer: BundleContents
) -> None:
    def prepare() -> None:
        shutil.rmtree(profile.directory, ignore_errors=True)
        install_bundle(profile, alice)

    for _ in every_kill(lambda: install_bundle(profile, newer), prepare):
        install_bundle(profile, newer)
        assert newer.files.items() <= snapshot(profile.directory).items()


@pytest.mark.parametrize("name", ["fsync", "replace", "link"])
def test_a_full_disk_leaves_the_identity_that_was_there(
    profile: Profile, alice: BundleContents, newer: BundleContents, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    install_bundle(profile, alice)
    before = snapshot(profile.directory)
    for step in range(1, 4):
        with monkeypatch.context() as patch:
            fill_disk(patch, step, name)
            with pytest.raises(Misuse) as caught:
                install_bundle(profile, newer)
        assert caught.value.code == "state-not-written"
        assert snapshot(profile.directory) == before


def test_a_full_disk_makes_no_half_client(
    profile: Profile, alice: BundleContents, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill_disk(monkeypatch, 3, "fsync")
    with pytest.raises(Misuse):
        install_bundle(profile, alice)
    assert snapshot(profile.directory) == {}
