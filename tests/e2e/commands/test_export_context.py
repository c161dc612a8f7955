from __future__ import annotations

import shutil

import pexpect
import pytest

from tests.e2e.commands.conftest import MachineFactory, Site

pytestmark = pytest.mark.e2e

needs_age = pytest.mark.skipif(shutil.which("age") is None, reason="age is not installed")


@needs_age
def test_a_passphrase_is_typed_twice_and_age_opens_the_file(machine: MachineFactory) -> None:
    one = machine("one")
    one.ok("join", "relay.test", "--id", "plant")
    child = one.terminal("export", "context", "--passphrase")
    child.expect("Passphrase: ")
    child.sendline("correct horse")
    child.expect("once more: ")
    child.sendline("corect horse")
    child.expect("these two differ; try again")
    child.expect("Passphrase: ")
    child.sendline("correct horse")
    child.expect("once more: ")
    child.sendline("correct horse")
    child.expect("plant-tw-context.zip")
    child.expect(pexpect.EOF)
    assert "correct" not in (child.before or "")
    age = pexpect.spawn("age", ["-d", "-o", "x.zip", "plant-tw-context.zip"], cwd=str(one.home), timeout=120)
    age.expect("passphrase")
    age.sendline("correct horse")
    age.expect(pexpect.EOF)
    age.close()
    assert age.exitstatus == 0
    assert (one.home / "x.zip").read_bytes().startswith(b"PK")
    one.ok("delete", "context", "plant", "--yes")
    assert "imported: plant (" in one.ok("import", "x.zip")


def test_a_relay_goes_on_elsewhere_with_its_servers(site: Site, machine: MachineFactory) -> None:
    (site.relay.home / "pp").write_text("correct horse\n")
    backup = str(site.files / "relay.zip")
    done = site.relay.tw("export", "context", "--passphrase-file", "pp", "--out", backup)
    assert (done.status, done.err) == (0, "")
    site.running["relay"].stop()
    new = machine("new")
    (new.home / "pp").write_text("correct horse\n")
    new.ok("import", backup, "--passphrase-file", "pp")
    new.start("relay", "run", "--listen", f"127.0.0.1:{site.port}", until="listening")
    site.serve()
