from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.profile.crash import fill_disk, snapshot
from tests.tenancy.setting import Setting, joined
from tunnel_whisperer.base.errors import Misuse
from tunnel_whisperer.base.limits import MAX_BACKUP_BYTES, MAX_BACKUP_ENTRIES
from tunnel_whisperer.base.values import Grant
from tunnel_whisperer.bundle import (
    install_backup,
    install_bundle,
    open_any,
    open_bundle,
    pack_backup,
    pack_client,
)
from tunnel_whisperer.profile import Config, Profile, RelayConfig, format_config, load_config, save_config
from tunnel_whisperer.tenancy import TenantBook, UserBook, make_relay_identity, make_server_identity


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Setting:
    both = joined(tmp_path_factory.mktemp("both"))
    for name in ("alice", "bob"):
        UserBook(both.server).create(name, [Grant.parse("5432")])
    (both.server.directory / "fullchain.pem").write_text("somebody else's")
    return both


def _zip(files: Mapping[str, bytes]) -> bytes:
    result = io.BytesIO()
    with zipfile.ZipFile(result, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return result.getvalue()


def _refused(data: bytes) -> str:
    with pytest.raises(Misuse) as caught:
        open_any(data)
    assert caught.value.code == "bad-bundle"
    return str(caught.value)


@pytest.mark.parametrize("role", ["relay", "server"])
def test_an_identity_comes_back_as_it_was(both: Setting, tmp_path: Path, role: str) -> None:
    profile = getattr(both, role)
    contents = open_any(pack_backup(profile))
    assert contents.config == load_config(profile.config)
    copy = Profile(tmp_path / "copy")
    install_backup(copy, contents)
    here = snapshot(profile.directory)
    stays = {"fullchain.pem", *(name for name in here if name.startswith("audit"))}
    assert snapshot(copy.directory) == {name: here[name] for name in here.keys() - stays}
    for path in copy.directory.rglob("*"):
        assert path.stat().st_mode & 0o077 == 0
    if role == "server":
        assert [user.name for user in UserBook(copy).survey()[0]] == ["alice", "bob"]
        make_server_identity(copy, "plant")
    else:
        assert [record.server_id for record in TenantBook(copy).all()] == ["plant"]
        make_relay_identity(copy, "")


def test_the_same_state_gives_the_same_file(both: Setting) -> None:
    assert pack_backup(both.server) == pack_backup(both.server)


def test_of_a_client_it_is_what_its_server_made(both: Setting, tmp_path: Path) -> None:
    data = pack_client(both.server, UserBook(both.server).get("alice"))
    profile = Profile(tmp_path)
    install_bundle(profile, open_bundle(data))
    assert pack_backup(profile) == data
    assert open_any(data) == open_bundle(data)


def test_what_is_only_of_this_machine_is_not_in_it(tmp_path: Path) -> None:
    both = joined(tmp_path)
    before = pack_backup(both.relay)
    for name in (
        "audit/1.jsonl",
        "run/lock",
        "context.json",
        "contexts/current",
        "servers/.x.tmp",
        "relay/a/b",
    ):
        path = both.relay.directory / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("x")
    (both.relay.servers / "link.json").symlink_to("/etc/passwd")
    assert pack_backup(both.relay) == before


@pytest.mark.parametrize(
    ("role", "name"),
    [("relay", "ssh_host_ed25519_key"), ("relay", "relay/ca.key"), ("server", "ca.key"), ("server", "id_ed25519"),
     ("server", "authorized_keys"), ("server", "client.key")],
)  # fmt: skip
def test_what_could_not_be_imported_is_not_exported(tmp_path: Path, role: str, name: str) -> None:
    profile: Profile = getattr(joined(tmp_path), role)
    (profile.directory / name).unlink()
    with pytest.raises(Misuse) as caught:
        pack_backup(profile)
    assert caught.value.code == "not-set-up"
    assert name in str(caught.value)


def test_an_admin_of_a_standard_relay_has_the_keys_of_a_tenant_and_no_ca_for_its_clients(
    both: Setting,
) -> None:
    files = dict(open_any(pack_backup(both.server)).files)
    config = format_config(Config(mode="relay", relay=RelayConfig(kind="standard", domain="relay.test")))
    files["config.yaml"] = config.encode()
    assert open_any(_zip(files)).config.relay.kind == "standard"
    for name in ("ssh_host_ed25519_key", "id_ed25519", "ca.key", "client.key"):
        assert name in _refused(_zip({other: files[other] for other in files if other != name}))
    files["config.yaml"] = config.replace("kind: standard", "kind: embedded").encode()
    assert "relay/ca.crt" in _refused(_zip(files))


def test_a_damaged_key_is_found_before_anything_is_written(both: Setting) -> None:
    files = dict(open_any(pack_backup(both.server)).files)
    for name in ("id_ed25519", "ssh_host_ed25519_key", "ca.crt", "client.key"):
        assert _refused(_zip({**files, name: b"rubbish"})).startswith(name.replace(".key", ".crt"))
    assert "belong together" in _refused(_zip({**files, "ca.key": files["client.key"]}))


@pytest.mark.parametrize(
    "name",
    ["users/a", "users/a/b/c", "users/../config.yaml", "users/.x/y", "users//y", "users/a/", "servers/a/b",
     "audit/x", "run/lock", "context.json", "contexts/current", ".lock", "relay/..", "servers/a\nb", "x", "/users/a/b"],
)  # fmt: skip
def test_a_file_that_no_identity_has_is_refused(both: Setting, name: str) -> None:
    files = open_any(pack_backup(both.relay)).files
    assert _refused(_zip({**files, name: b"x"}))


def test_a_missing_or_a_wrong_config_is_told(both: Setting) -> None:
    files = dict(open_any(pack_backup(both.relay)).files)
    config = files.pop("config.yaml")
    assert _refused(_zip(files)) == "config.yaml: this file is missing in the bundle"
    assert "newer tw" in _refused(_zip({**files, "config.yaml": b"version: 2\nmode: relay\n"}))
    assert "id_ed25519" in _refused(
        _zip({**files, "config.yaml": config.replace(b"mode: relay", b"mode: server")})
    )
    assert "does not belong" in _refused(_zip({**files, "config.yaml": b"mode: client\n"}))


def test_a_zip_of_many_or_of_large_files_is_refused(both: Setting) -> None:
    files = open_any(pack_backup(both.relay)).files
    many = {f"servers/s{n}.json": b"" for n in range(MAX_BACKUP_ENTRIES + 1)}
    assert "at most 9999 files" in _refused(_zip({**files, **many}))
    assert "32768 KiB" in _refused(_zip({**files, "servers/x": bytes(MAX_BACKUP_BYTES)}))


def test_an_identity_that_is_too_large_for_a_file_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = joined(tmp_path)
    monkeypatch.setattr("tunnel_whisperer.bundle.backup.MAX_BACKUP_ENTRIES", 3)
    with pytest.raises(Misuse) as caught:
        pack_backup(both.relay)
    assert caught.value.code == "too-many"


def test_a_full_disk_is_told(both: Setting, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    contents = open_any(pack_backup(both.server))
    fill_disk(monkeypatch, 3, "fsync")
    with pytest.raises(Misuse) as caught:
        install_backup(Profile(tmp_path / "x"), contents)
    assert caught.value.code == "state-not-written"


def test_an_own_setting_is_kept_in_a_clients_file(both: Setting, tmp_path: Path) -> None:
    profile = Profile(tmp_path)
    install_bundle(profile, open_bundle(pack_client(both.server, UserBook(both.server).get("bob"))))
    save_config(profile.config, replace(load_config(profile.config), log_level="debug"))
    assert open_any(pack_backup(profile)).config.log_level == "debug"


@given(st.binary(max_size=300))
def test_any_bytes_give_bad_bundle(data: bytes) -> None:
    for prefix in (b"", b"PK\x03\x04"):
        assert _refused(prefix + data)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.data())
def test_a_changed_file_is_opened_as_it_was_or_refused(both: Setting, data: st.DataObject) -> None:
    good = pack_backup(both.relay)
    at = data.draw(st.integers(0, len(good) - 1))
    new = data.draw(st.binary(max_size=8))
    changed = good[:at] + new + good[at + data.draw(st.integers(0, 8)) :]
    try:
        opened = open_any(changed)
    except Misuse as exc:
        assert exc.code == "bad-bundle"  # noqa: PT017 - either is right
    else:
        assert all(opened.files[name] == content for name, content in open_any(good).files.items())
