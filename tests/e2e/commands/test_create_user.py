from __future__ import annotations

import json
import os
import signal
import subprocess
import threading

import pexpect
import pytest

from tests.e2e.commands.conftest import Site
from tests.e2e.commands.machines import Machine

pytestmark = pytest.mark.e2e


def _names(server: Machine) -> list[str]:
    return [user["name"] for user in json.loads(server.ok("list", "users", "--json"))]


def test_the_wizard_asks_what_is_missing_and_explains_what_is_wrong(site: Site) -> None:
    wizard = site.server.terminal("create", "user")
    wizard.expect_exact("Name of the new user: ")
    wizard.sendline("Bob Smith")
    wizard.expect_exact("'Bob Smith' is not a user name")
    wizard.sendline("bob")
    wizard.expect_exact("What may bob reach?")
    wizard.expect_exact("Port: ")
    wizard.sendline("5000-5010")
    wizard.expect(r"nothing is open that\s+nobody named")  # the terminal's lines are 80 long
    wizard.sendline("10502:plc-7.plant.lan:502")
    wizard.expect_exact("Next port, or nothing: ")
    wizard.sendline("")
    wizard.expect_exact("Until when, as in 2030-12-24T18:00 or 7d [never]: ")
    wizard.sendline("2126-12-24T18:00")
    wizard.expect_exact("10502 -> plc-7.plant.lan:502   (another machine)")
    wizard.expect_exact("until 2126-12-24 18:00")
    wizard.expect(pexpect.EOF)
    wizard.close()
    assert wizard.exitstatus == 0
    assert (site.server.home / "bob-tw-config.zip").stat().st_mode & 0o777 == 0o600


def test_ctrl_c_and_ctrl_d_in_the_wizard_change_nothing(site: Site) -> None:
    for key, status in (("\x03", 130), ("\x04", 2)):
        wizard = site.server.terminal("create", "user", "bob")
        wizard.expect_exact("Port: ")
        wizard.sendline("5432")
        wizard.expect_exact("Next port, or nothing: ")
        wizard.send(key)
        wizard.expect(pexpect.EOF)
        wizard.close()
        assert wizard.exitstatus == status
        assert "Traceback" not in str(wizard.before)
    assert _names(site.server) == []
    assert not list(site.server.home.glob("*.zip"))


def test_a_passphrase_is_asked_twice_and_never_shown(site: Site) -> None:
    wizard = site.server.terminal("create", "user", "bob", "-m", "5432", "--passphrase")
    for question, answer in (("Passphrase: ", "correct horse"), ("once more: ", "correct house")):
        wizard.expect_exact(question)
        wizard.sendline(answer)
    wizard.expect_exact("these two differ")
    for question in ("Passphrase: ", "once more: "):
        wizard.expect_exact(question)
        wizard.sendline("correct horse")
    wizard.expect_exact("Tell them the passphrase by another way")
    assert "correct" not in str(wizard.before)
    assert (site.server.home / "bob-tw-config.zip").read_bytes().startswith(b"age-encryption.org/")


def test_of_two_at_once_with_the_same_name_one_wins_and_of_two_names_both(site: Site) -> None:
    said: list[tuple[int, str]] = []

    def create(name: str, out: str) -> None:
        done = site.server.tw("create", "user", name, "-m", "5432", "--out", out)
        said.append((done.status, done.err))

    threads = [
        threading.Thread(target=create, args=args)
        for args in (("alice", "1.zip"), ("alice", "2.zip"), ("bob", "3.zip"))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(status for status, _ in said) == [0, 0, 2]
    assert next(err for status, err in said if status).startswith(
        "tw: exists: there is a user 'alice' already"
    )
    assert _names(site.server) == ["alice", "bob"]
    assert len(list(site.server.home.glob("*.zip"))) == 2
    assert len((site.server.directory / "authorized_keys").read_text().splitlines()) == 2


def test_killed_at_any_moment_there_is_the_whole_user_or_none(site: Site) -> None:
    words = site.server.command("create", "user", "alice", "-m", "5432")
    for delay_s in (0.25, 0.35, 0.45):
        process = subprocess.Popen(words, cwd=site.server.home, env=site.server.environment())
        try:
            process.wait(delay_s)
        except subprocess.TimeoutExpired:
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
        if _names(site.server) == ["alice"]:
            state = json.loads(site.server.ok("list", "users", "--json"))[0]["state"]
            assert state in ("yes", "no")
            site.server.ok("export", "user", "alice", "--force")
            site.server.ok("delete", "user", "alice", "--yes")
        else:
            done = site.server.tw("create", "user", "alice", "-m", "5432")
            assert done.status == 0, done
            site.server.ok("delete", "user", "alice", "--yes")
        for path in site.server.home.glob("*.zip"):
            path.unlink()
    assert list((site.server.directory / "users").iterdir()) == []
