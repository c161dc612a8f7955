"""The script of a change, run for real in a folder: its order, and what a failure leaves behind.

With the real Caddy, Xray and sshd it runs in tests/e2e/relays.
"""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from tests.provision.standard.sites import site
from tunnel_whisperer.provision.standard import Layout, Site, files
from tunnel_whisperer.provision.standard.machine_state import Difference, MachineState, difference
from tunnel_whisperer.provision.standard.transaction import transaction

_TOOL = """#!/bin/sh
echo "$(basename "$0") $*" >>"{log}"
echo "$(basename "$0"): asked" >&2
[ -e "{fail}/$(basename "$0")-$1" ] && {{ echo "$(basename "$0"): not like this" >&2; exit 1; }}
case "$(basename "$0") $*" in
"xray api adu"*) echo "Added $(grep -o '"email"' | wc -l) user(s) in total." ;;
"xray api"*) cat >/dev/null ;;
ss*) [ -e "{fail}/ss" ] || echo LISTEN ;;
esac
exit 0
"""


class Machine:
    """A folder, and programs that note what they are asked; ``break_`` lets one of them fail."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._log = folder / "log"
        self._fail = folder / "fail"
        self._fail.mkdir()
        tools = folder / "bin"
        tools.mkdir()
        for name in ("caddy", "xray", "sshd", "systemctl", "ss", "chown", "nft", "users"):
            (tools / name).write_text(_TOOL.format(log=self._log, fail=self._fail))
            (tools / name).chmod(0o755)
        etc = folder / "etc"
        self.layout = Layout(
            slots=3,
            tenant_cas=f"{etc}/tenants",
            authorized_keys=f"{etc}/keys",
            caddyfile=f"{etc}/Caddyfile",
            xray_config=f"{etc}/xray.json",
            sshd_drop_in=f"{etc}/drop-in",
            firewall=f"{etc}/firewall",
            host_key=f"{etc}/host_key",
            work=f"{folder}/work",
            users=f"{folder}/users",
            users_script=f"{tools}/users",
        )

    def break_(self, name: str) -> None:
        (self._fail / name).touch()

    def make(self, site: Site, change: Difference) -> tuple[int, list[str]]:
        """Run the change; returns its status and what it printed."""
        # The tests may be root's: nothing of this machine may be meant.
        assert all(
            path.startswith(f"{self.folder}/") for path in (*change.remove, *(f.path for f in change.write))
        )
        done = subprocess.run(
            ("sh", "-s"),
            input=transaction(site, change),
            capture_output=True,
            text=True,
            env={"PATH": f"{self.folder}/bin:{os.environ['PATH']}"},
            check=False,
        )
        return done.returncode, done.stdout.splitlines()

    @property
    def asked(self) -> list[str]:
        """What the programs were asked, the owners of files left out."""
        return [line for line in self._log.read_text().splitlines() if not line.startswith("chown")]

    def content(self) -> dict[str, str]:
        """All files."""
        etc = self.folder / "etc"
        return {str(path): path.read_text() for path in etc.rglob("*") if path.is_file()}


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def _all(machine: Machine) -> tuple[Site, Difference]:
    one = site(layout=machine.layout)
    return one, difference(one, MachineState())


def test_an_empty_machine_gets_everything_in_this_order(machine: Machine) -> None:
    status, said = machine.make(*_all(machine))
    assert (status, said[-1]) == (0, "done")
    assert machine.content() == {file.path: file.text for file in files(site(layout=machine.layout))}
    asked = [" ".join(line.split()[:3]) for line in machine.asked]
    assert asked == [
        "caddy validate --adapter",
        "xray run -test",
        "sshd -t -f",
        "nft -c -f",
        "xray api adi",
        "xray api adi",
        "systemctl daemon-reload",
        "systemctl -q is-active",
        "systemctl restart ssh.socket",
        "systemctl reload-or-restart ssh",
        "systemctl reload caddy",
        f"nft -f {machine.layout.firewall}",
        "ss -Hltn sport",
        "ss -Hltn sport",
        "ss -Hltn sport",
        "users --all",
    ]
    assert (Path(machine.layout.xray_config).stat().st_mode & 0o777) == 0o640


@pytest.mark.parametrize(
    ("broken", "step"),
    [
        ("caddy-validate", "asking Caddy"),
        ("xray-run", "asking Xray"),
        ("sshd--t", "asking sshd"),
        ("xray-api", "opening slot"),
        ("systemctl-daemon-reload", "reloading sshd"),
        ("systemctl-reload", "reloading Caddy"),
        ("nft--c", "asking nft"),
        ("nft--f", "reloading the firewall"),
        ("ss", "port 443 is shut"),
        ("chown-root:root", "writing"),
    ],
)
@pytest.mark.parametrize("before", ["nothing", "other files"])
def test_a_step_that_fails_leaves_what_was_there(
    machine: Machine, broken: str, step: str, before: str
) -> None:
    one, change = _all(machine)
    if before == "other files":
        for file in files(one):
            path = Path(file.path)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"old {path.name}")
    there = machine.content() if before == "other files" else {}
    machine.break_(broken)
    status, said = machine.make(one, change)
    assert status == 1
    reason = "" if broken == "ss" else f": {broken.partition('-')[0]}: not like this"
    assert said[-1].startswith("failed ") and step in said[-1] and said[-1].endswith(reason), said
    assert machine.content() == there


def test_what_was_opened_is_shut_again_when_a_later_step_fails(machine: Machine) -> None:
    machine.break_("ss")
    machine.make(*_all(machine))
    shut = [line for line in machine.asked if line.startswith("xray api rmi")]
    assert [line.split()[-1] for line in shut] == ["slot-20000", "slot-20001"]


def test_xray_that_does_not_run_is_started_and_told_nothing(machine: Machine) -> None:
    one, change = _all(machine)
    status, _ = machine.make(one, replace(change, stopped=("xray",)))
    assert status == 0 and "systemctl start xray" in machine.asked
    assert not [line for line in machine.asked if line.startswith("xray api")]


def test_old_doors_are_shut_last_and_only_then_files_removed(machine: Machine) -> None:
    one = site(layout=machine.layout)
    gone = Path(f"{machine.layout.tenant_cas}/gone.crt")
    gone.parent.mkdir(parents=True)
    gone.write_text("gone")
    change = Difference(remove=(str(gone),), remove_inbounds=("slot-20002",))
    status, said = machine.make(one, change)
    assert (status, said[-1]) == (0, "done") and not gone.exists()
    kept = [line for line in machine.asked if not line.startswith(("ss -Hltn sport", "caddy"))]
    assert kept[0] == "systemctl reload caddy"
    calls = [line.split()[2] for line in kept[1:] if line.startswith("xray api")]
    assert calls == ["inbounduser", "rmu", "rmi"]


def test_users_of_servers_that_are_gone_are_forgotten(machine: Machine) -> None:
    one, change = _all(machine)
    users = Path(machine.layout.users)
    users.mkdir(parents=True)
    for name in ("plant", "gone", "mil"):
        (users / name).touch()
    status, _ = machine.make(one, change)
    assert status == 0 and [path.name for path in users.iterdir()] == ["plant"]
    assert machine.asked[-1] == "users --all"
