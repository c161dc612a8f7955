"""Through the relay itself, to a machine of real Caddy, Xray and OpenSSH."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pexpect
import pytest

from tests.e2e.commands.conftest import Site
from tests.e2e.lab import missing as no_namespaces
from tests.e2e.relays.island import Island
from tests.e2e.relays.standard import StandardMachine
from tests.interop import caddy, xray
from tests.structure.tree import ROOT
from tunnel_whisperer.pki import new_ssh_key, public_key_of, sign_role
from tunnel_whisperer.profile import Profile

_LACKING = (
    no_namespaces() or caddy.missing() or xray.missing() or ("" if shutil.which("sshd") else "no sshd here")
)
pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("relay-ssh")]  # one island for all


@pytest.fixture(scope="module")
def island(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Island]:
    if _LACKING:
        pytest.skip(_LACKING)
    with Island(tmp_path_factory.mktemp("ssh")) as island:
        StandardMachine(island, Profile(island.directory / "relay")).enroll()
        yield island


def test_a_command_runs_at_the_machine_and_its_status_is_ours(island: Island) -> None:
    done = island.run(
        *island.tw_command("relay", "relay", "ssh"), "--", "echo", "$SSH_CONNECTION;", "head -c 3000000 /dev/zero | wc -c;", "exit 7"
    )  # fmt: skip
    assert done.returncode == 7, done.stderr
    assert done.stdout.split() == ["127.0.0.1", done.stdout.split()[1], "127.0.0.1", "22", "3000000"]


def test_at_a_terminal_it_is_a_shell_and_ctrl_c_is_the_shells(island: Island) -> None:
    words = island.tw_command("relay", "relay", "ssh")
    env = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "TERM": "xterm"}
    child = pexpect.spawn("ip", ["netns", "exec", island.name, *words], encoding="utf-8", timeout=30, env=env)
    try:
        child.sendline("echo in-$((40+2)); sleep 60")
        child.expect("in-42")
        # A signal between the shell's fork and its exec is lost to both: a person presses once more, too.
        for _ in range(10):
            child.sendintr()
            child.sendline("echo still-$((40+3))")
            if child.expect(["still-43", pexpect.TIMEOUT], timeout=3) == 0:
                break
        else:
            raise AssertionError("the shell goes on sleeping")
        child.sendline("exit 5")
        child.expect(pexpect.EOF)
        child.wait()
        assert child.exitstatus == 5
    finally:
        child.close(force=True)


def test_another_host_key_is_not_believed(island: Island) -> None:
    other = island.directory / "other"
    shutil.copytree(island.directory / "relay", other)
    private = new_ssh_key()[0]
    profile = Profile(other)
    profile.host_key.write_text(private)
    config = profile.config.read_text()
    lines = [line for line in config.splitlines() if not line.startswith("role_signature")]
    signature = sign_role(private, "relay", public_key_of(private))
    Path(profile.config).write_text("\n".join([*lines, f"role_signature: {signature}", ""]))
    done = island.run(*island.tw_command("other", "relay", "ssh"), "--", "echo", "in")
    assert done.returncode == 255 and done.stdout == "", done
    assert "Host key verification failed" in done.stderr


def test_other_roles_are_refused(site: Site) -> None:
    for other, words in ((site.server, "is a server's"), (site.relay, "runs on this machine")):
        done = other.tw("relay", "ssh")
        assert done.status == 2 and words in done.err, done
