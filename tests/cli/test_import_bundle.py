from __future__ import annotations

import io
import json
import shutil
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.kit.command import Tw
from tests.profile.crash import every_kill, needs_fork, snapshot
from tunnel_whisperer.cli.main import main
from tunnel_whisperer.profile import Profile, load_config, running

NewTw = Callable[[str], Tw]


@pytest.fixture
def other(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> NewTw:
    """Further machines."""
    return lambda name: Tw(tmp_path / name, capsys)


@pytest.fixture
def alice(server: Tw, tmp_path: Path) -> Path:
    server.ok("create", "user", "alice", "-m", "15432:5432")
    return tmp_path / "alice-tw-config.zip"


@pytest.fixture
def bob(server: Tw, tmp_path: Path) -> Path:
    server.ok("create", "user", "bob", "-m", "15433:5432")
    return tmp_path / "bob-tw-config.zip"


def _listed(tw: Tw) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = json.loads(tw.ok("list", "contexts", "--json"))
    return listed


def _brief(tw: Tw) -> list[tuple[str, str, bool]]:
    return [(one["name"], one["role"], one["active"]) for one in _listed(tw)]


def test_on_a_new_machine_it_is_active_at_once(tw: Tw, alice: Path) -> None:
    said = tw.ok("import", str(alice))
    assert said.startswith("imported: alice (")
    assert "a client of relay.test\n  active now; next: tw connect\n" in said
    assert _brief(tw) == [("alice", "client", True)]


def test_a_further_one_is_active_when_asked_for(tw: Tw, alice: Path, bob: Path) -> None:
    tw.ok("import", str(alice))
    assert "next: tw use bob" in tw.ok("import", str(bob))
    assert _brief(tw) == [("alice", "client", True), ("bob", "client", False)]
    assert "active now" in tw.ok("import", str(bob), "--activate")
    assert _brief(tw) == [("alice", "client", False), ("bob", "client", True)]


def test_a_newer_file_of_the_same_user_brings_it_up_to_date(
    tw: Tw, server: Tw, alice: Path, tmp_path: Path
) -> None:
    tw.ok("import", str(alice), "--name", "plant")
    before = _listed(tw)
    config = Path(before[0]["directory"]) / "config.yaml"
    config.write_text(config.read_text().replace("log_level: info", "log_level: debug"))
    assert tw.ok("import", str(alice)).startswith("brought up to date: plant (")
    assert _listed(tw) == before
    assert "tw rename context plant alice" in tw.refused("exists", "import", str(alice), "--name", "alice")
    assert tw.ok("import", str(alice), "--force").startswith("imported: plant (")
    assert [one["name"] for one in _listed(tw)] == ["plant"]


def test_an_older_file_of_the_same_user_takes_nothing_back(tw: Tw, alice: Path, tmp_path: Path) -> None:
    files = _files(alice)
    assert b"revision: 1\n" in files["config.yaml"]
    newer = files["config.yaml"].replace(b"revision: 1\n", b"revision: 3\n").replace(b"15432", b"15439")
    _zip(tmp_path / "newer.zip", {**files, "config.yaml": newer})
    tw.ok("import", "newer.zip")
    assert tw.ok("import", str(alice)).startswith("left as it was, which is newer than the file")
    config = Path(_listed(tw)[0]["directory"]) / "config.yaml"
    assert "15439" in config.read_text()
    told = tw("connect", str(alice), "--map", "9999:3306").err
    assert told.startswith("tw: this file is older than what is here, which is used\n")
    assert tw.ok("import", str(alice), "--force").startswith("imported")
    config = Path(_listed(tw)[0]["directory"]) / "config.yaml"
    assert "15432" in config.read_text()


@pytest.mark.parametrize("role", ["relay", "server"])
def test_a_backup_makes_it_what_it_was(
    relay: Tw, server: Tw, alice: Path, other: NewTw, tmp_path: Path, role: str
) -> None:
    source = {"relay": relay, "server": server}[role]
    source.ok("export", "context", "--out", "b.zip")
    new = other("elsewhere")
    result = new("import", "b.zip")
    assert (result.status, result.err) == (0, "tw: this identity must run on one machine at a time\n")
    listing = "servers" if role == "relay" else "users"
    assert new.ok("list", listing) == source.ok("list", listing)
    directory = Path(_listed(new)[0]["directory"])
    own = ("context.json", "audit")
    taken = {name: data for name, data in snapshot(directory).items() if not name.startswith(own)}
    assert taken.items() <= snapshot(source.directory).items()


def test_an_older_backup_replaces_newer_records_only_by_force(
    server: Tw, tmp_path: Path, alice: Path
) -> None:
    server.ok("export", "context", "--out", "b.zip")
    server.ok("create", "user", "carol", "-m", "80")
    told = server.refused("exists", "import", "b.zip")
    assert "plant (base) is this identity already" in told
    assert "carol" in server.ok("list", "users")
    with running(Profile(server.directory), "tw serve"):
        server.refused("already-running", "import", "b.zip", "--force")
    server.ok("import", "b.zip", "--force")
    assert "carol" not in server.ok("list", "users")
    done = [json.loads(line)["event"] for line in server.ok("audit", "--json").splitlines()]
    assert done[-2:] == ["user-created", "identity-changed"]
    assert "the chain holds" in server.ok("audit", "verify")
    assert [one[:2] for one in _brief(server)] == [("plant", "server")]


def test_two_of_one_name_are_kept_apart(tw: Tw, alice: Path, bob: Path) -> None:
    tw.ok("import", str(alice))
    told = tw.refused("exists", "import", str(bob), "--name", "alice")
    assert "--name NAME keeps both, --force replaces that one" in told
    tw.ok("import", str(bob), "--name", "alice-2")
    assert [one[0] for one in _brief(tw)] == ["alice", "alice-2"]


def test_force_replaces_the_one_of_that_name_and_takes_its_place(tw: Tw, alice: Path, bob: Path) -> None:
    tw.ok("import", str(alice))
    tw.ok("import", str(bob), "--name", "alice", "--force")
    assert _brief(tw) == [("alice", "client", True)]
    assert "tunnels" in (Path(_listed(tw)[0]["directory"]) / "config.yaml").read_text()


@pytest.mark.parametrize("name", ["", "a/b", "../x", "ü", "a" * 300, "base", "-"])
def test_a_name_that_is_none_is_refused_before_anything_is_read(tw: Tw, name: str) -> None:
    tw.refused("bad-argument", "import", "gone.zip", f"--name={name}")


def _zip(path: Path, files: Mapping[str, bytes]) -> None:
    result = io.BytesIO()
    with zipfile.ZipFile(result, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    path.write_bytes(result.getvalue())


def _files(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _symlink() -> zipfile.ZipInfo:
    info = zipfile.ZipInfo("client.key")
    info.create_system, info.external_attr = 3, 0o120777 << 16
    return info


@pytest.mark.parametrize(
    "added",
    [
        {"../evil": b"x"},
        {"/etc/evil": b"x"},
        {"users/../../evil": b"x"},
        {"C:\\evil": b"x"},
        {"contexts/current": b"x"},
        {"config.yaml": b"version: 99\nmode: client\n"},
        {"config.yaml": b"mode: client\n" + b"a: &a [*a]\n"},
        {"servers/x.json": bytes(40 * 1024 * 1024)},
        {"id_ed25519": b"another"},
    ],
    ids=["above", "absolute", "through", "drive", "contexts", "newer", "yaml", "bomb", "key"],
)
def test_a_foreign_zip_is_refused_and_leaves_nothing(
    tw: Tw, alice: Path, tmp_path: Path, added: dict[str, bytes]
) -> None:
    _zip(tmp_path / "evil.zip", {**_files(alice), **added})
    before = sorted(tmp_path.rglob("*"))
    assert "evil.zip" in tw.refused("bad-bundle", "import", "evil.zip")
    tw.refused("bad-bundle", "connect", "evil.zip")
    assert sorted(tmp_path.rglob("*")) == before


def test_a_link_in_a_zip_is_refused(tw: Tw, alice: Path, tmp_path: Path) -> None:
    files = _files(alice)
    del files["client.key"]
    _zip(tmp_path / "evil.zip", files)
    with zipfile.ZipFile(tmp_path / "evil.zip", "a") as archive:
        archive.writestr(_symlink(), "/etc/shadow")
    assert "not a plain file" in tw.refused("bad-bundle", "import", "evil.zip")


def test_a_role_that_nobody_signed_is_refused_and_leaves_nothing(
    relay: Tw, server: Tw, tw: Tw, tmp_path: Path
) -> None:
    server.ok("export", "context", "--out", "b.zip")
    files = _files(tmp_path / "b.zip")
    signature = load_config(server.directory / "config.yaml").role_signature
    wrong = ("B" if signature[0] == "A" else "A") + signature[1:]
    files["config.yaml"] = files["config.yaml"].replace(signature.encode(), wrong.encode())
    _zip(tmp_path / "evil.zip", files)
    told = tw.refused("wrong-role", "import", "evil.zip")
    assert told.startswith("tw: wrong-role: evil.zip: its relay did not sign")
    assert tw.ok("list", "contexts").startswith("no contexts yet")
    assert [name for name in snapshot(tmp_path / "new") if not name.endswith(".lock")] == []


def test_connect_names_the_way_for_what_is_no_clients(server: Tw, tw: Tw, tmp_path: Path) -> None:
    server.ok("export", "context", "--out", "b.zip")
    told = tw.refused("wrong-role", "connect", "b.zip")
    assert "this is the backup of a server" in told
    assert "tw import FILE.zip" in told


@needs_fork
@pytest.mark.parametrize("force", [False, True])
def test_a_kill_at_any_step_leaves_the_old_or_the_new_state(
    tw: Tw, alice: Path, bob: Path, tmp_path: Path, force: bool
) -> None:
    kept = tmp_path / "kept"
    tw.ok("import", str(alice), "--name", "one")
    shutil.copytree(tw.directory, kept)
    words = ["import", str(bob), "--activate", "--name", "one" if force else "two", *["--force"] * force]

    def prepare() -> None:
        shutil.rmtree(tw.directory)
        shutil.copytree(kept, tw.directory)

    def states() -> list[tuple[str, bool, str]]:
        return [
            (one["name"], one["active"], (Path(one["directory"]) / "id_ed25519.pub").read_text().split()[2])
            for one in _listed(tw)
        ]

    old = states()
    new = [("one", True, "bob@tw")] if force else [("one", False, "alice@tw"), ("two", True, "bob@tw")]
    seen = []
    for _ in every_kill(lambda: main([*words, "--config-dir", str(tw.directory)]), prepare):
        seen.append(states())
        assert seen[-1] in (old, new)
    assert old in seen
    assert new in seen
