from __future__ import annotations

import signal
import subprocess
import time
import zipfile

import pexpect
import pytest

from tests.e2e.commands.conftest import MachineFactory, Site
from tests.e2e.commands.machines import free_port

pytestmark = pytest.mark.e2e


def test_two_users_on_one_machine_a_word_apart(site: Site, echo: int) -> None:
    alice, bob = (site.add_user(name, f"{free_port()}:{echo}") for name in ("alice", "bob"))
    client = site.client
    client.ok("import", str(alice))
    client.ok("import", str(bob), "--activate")
    client.refused("exists", "connect", str(alice))
    assert "brought up to date: alice" in client.ok("import", str(alice), "--activate")
    site.serve()
    client.start("connect", until="connected to")
    assert "tw connect (process " in client.tw("use", "bob").err


def test_an_encrypted_file_is_opened_at_the_terminal(machine: MachineFactory) -> None:
    one = machine("one")
    one.ok("join", "relay.test", "--id", "plant")
    (one.home / "pp").write_text("correct horse\n")
    one.ok("export", "context", "--passphrase-file", "pp")
    one.ok("delete", "context", "plant", "--yes")
    told = one.refused("bad-argument", "import", "plant-tw-context.zip")
    assert "--passphrase-file FILE" in told
    child = one.terminal("import", "plant-tw-context.zip")
    child.expect("Passphrase of plant-tw-context.zip: ")
    child.sendline("wrong")
    child.expect("wrong-passphrase")
    child.expect("Passphrase of plant-tw-context.zip: ")
    child.sendline("correct horse")
    child.expect("imported: plant")
    child.expect(pexpect.EOF)


def test_foreign_files_are_refused_and_change_nothing(machine: MachineFactory) -> None:
    one = machine("one")
    one.ok("join", "relay.test", "--id", "plant")
    before = sorted(path for path in one.directory.rglob("*"))
    (one.home / "a.zip").write_bytes(b"PK\x03\x04" + bytes(100))
    with zipfile.ZipFile(one.home / "b.zip", "w", zipfile.ZIP_DEFLATED) as bomb:
        bomb.writestr("config.yaml", bytes(200_000_000))
    with zipfile.ZipFile(one.home / "c.zip", "w") as above:
        above.writestr("../../evil", "x")
    for name in ("a.zip", "b.zip", "c.zip", "/dev/zero"):
        assert name in one.refused("bad-bundle", "import", name, "--force")
    one.refused("file-unreadable", "import", "gone.zip")
    assert sorted(path for path in one.directory.rglob("*")) == before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_ended_in_the_middle_the_old_or_the_new_state_is_there(
    machine: MachineFactory, number: signal.Signals
) -> None:
    one = machine("one")
    one.ok("join", "relay.test", "--id", "plant")
    one.ok("export", "context")
    contexts = one.directory / "contexts"
    process = subprocess.Popen(
        one.command("import", "plant-tw-context.zip", "--force"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        cwd=one.home,
        env=one.environment(),
    )
    deadline = time.monotonic() + 30
    while process.poll() is None and not list(contexts.glob(".new-*/id_ed25519")):
        assert time.monotonic() < deadline
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert "Traceback" not in err
    lines = one.ok("list", "contexts").splitlines()
    assert len(lines) == 2
    assert lines[1].split()[:2] == ["*", "plant"]
    assert lines[1].split()[3] == "server"
    one.ok("list", "users")
