from __future__ import annotations

import shutil
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from tests.profile.crash import every_kill, fill_disk, needs_fork, snapshot
from tests.tenancy.setting import Setting, joined
from tunnel_whisperer.base.errors import Misuse
from tunnel_whisperer.base.values import Grant
from tunnel_whisperer.bundle import BundleContents, install_bundle, open_bundle, pack_client
from tunnel_whisperer.profile import Config, Profile, load_config, save_config
from tunnel_whisperer.tenancy import UserBook, make_server_identity


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
    assert install_bundle(profile, alice, force=True) == alice.config
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


def test_another_identity_is_not_replaced_without_force(
    profile: Profile, alice: BundleContents, bob: BundleContents
) -> None:
    config = install_bundle(profile, alice)
    save_config(profile.config, replace(config, proxy="http://proxy:3128"))
    before = snapshot(profile.directory)
    with pytest.raises(Misuse) as caught:
        install_bundle(profile, bob)
    assert caught.value.code == "exists"
    assert str(caught.value) == f"{profile.directory}: there is the identity alice@tw here already"
    assert caught.value.hint == "another directory with --config-dir DIR, or --force to replace it"
    assert snapshot(profile.directory) == before
    assert install_bundle(profile, bob, force=True) == replace(bob.config, proxy="http://proxy:3128")
    found = snapshot(profile.directory)
    assert {name: found[name] for name in found if name != "config.yaml"} == {
        name: content for name, content in bob.files.items() if name != "config.yaml"
    }


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


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize("mode", ["server", "relay"])
def test_a_directory_of_another_role_is_never_overwritten(
    tmp_path: Path, alice: BundleContents, mode: str, force: bool
) -> None:
    profile = Profile(tmp_path)
    save_config(profile.config, Config(mode=mode))
    before = snapshot(tmp_path)
    with pytest.raises(
        Misuse, match=f"this directory is a {mode}'s, and this bundle makes a client"
    ) as caught:
        install_bundle(profile, alice, force=force)
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


@needs_fork
def test_a_replacement_killed_anywhere_is_completed_by_the_next_run(
    profile: Profile, alice: BundleContents, bob: BundleContents
) -> None:
    for _ in every_kill(
        lambda: install_bundle(profile, bob, force=True), lambda: install_bundle(profile, alice, force=True)
    ):
        install_bundle(profile, bob, force=True)
        assert bob.files.items() <= snapshot(profile.directory).items()


@pytest.mark.parametrize("name", ["fsync", "replace", "link"])
def test_a_full_disk_leaves_the_identity_that_was_there(
    profile: Profile, alice: BundleContents, bob: BundleContents, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    install_bundle(profile, alice)
    before = snapshot(profile.directory)
    for step in range(1, 6):
        with monkeypatch.context() as patch:
            fill_disk(patch, step, name)
            with pytest.raises(Misuse) as caught:
                install_bundle(profile, bob, force=True)
        assert caught.value.code == "state-not-written"
        assert snapshot(profile.directory) == before


def test_a_full_disk_makes_no_half_client(
    profile: Profile, alice: BundleContents, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill_disk(monkeypatch, 3, "fsync")
    with pytest.raises(Misuse):
        install_bundle(profile, alice)
    assert snapshot(profile.directory) == {}
