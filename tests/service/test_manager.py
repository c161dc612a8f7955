from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from tests.service.conftest import Programs
from tunnel_whisperer.base.errors import Misuse, Refused
from tunnel_whisperer.service import manager
from tunnel_whisperer.service.manager import Ran, ask, manager_of, run_program, write_service_file


def test_which_manager_a_machine_has(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (manager_of("win32"), manager_of("darwin")) == ("windows", "launchd")
    monkeypatch.setattr(shutil, "which", lambda name: f"/bin/{name}")
    assert manager_of("linux") == "systemd"
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(Misuse) as caught:
        manager_of("linux")
    assert caught.value.code == "not-set-up" and "tw dashboard --unattended" in caught.value.hint


def test_a_managers_no_is_told_in_its_own_words(programs: Programs) -> None:
    programs.answers["systemctl"] = Ran(1, "", "Failed to start:\n  no such unit.\n")
    with pytest.raises(Refused) as caught:
        ask(programs, ("systemctl", "start", "tw"), "look at the log")
    assert str(caught.value) == "systemctl start tw: Failed to start: no such unit"
    assert (caught.value.code, caught.value.hint) == ("service-failed", "look at the log")
    programs.answers["systemctl"] = Ran(7, "", "")
    with pytest.raises(Refused, match="exit status 7") as caught:
        ask(programs, ("systemctl", "--user", "show", "tw", "--property=Much"))
    assert caught.value.where == "systemctl --user show"
    assert "start the role by hand" in caught.value.hint


def test_a_program_is_run_without_input_and_what_it_says_comes_back() -> None:
    code = "import sys; print(sys.stdin.read() or 'nothing'); print('no', file=sys.stderr); sys.exit(3)"
    assert run_program((sys.executable, "-c", code)) == Ran(3, "nothing\n", "no\n")


def test_a_program_that_is_not_there_or_does_not_end_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Refused) as caught:
        run_program(("/no/such/program",))
    assert (caught.value.code, caught.value.where) == ("service-failed", "/no/such/program")
    monkeypatch.setattr(manager, "_PATIENCE_S", 0.05)
    with pytest.raises(Refused, match="no end within"):
        run_program((sys.executable, "-c", "while True: pass"))


def test_a_file_is_replaced_as_a_whole_and_what_was_there_is_known(tmp_path: Path) -> None:
    path = tmp_path / "units" / "tw.service"
    assert write_service_file(path, "new") is None
    assert write_service_file(path, "newer", 0o600) == b"new"
    assert (path.read_text(), path.stat().st_mode & 0o777) == ("newer", 0o600)
    assert [x.name for x in path.parent.iterdir()] == ["tw.service"]


def test_a_place_that_cannot_be_written_to_says_whose_it_is(tmp_path: Path) -> None:
    (tmp_path / "units").write_text("a file where a directory should be")
    with pytest.raises(Misuse) as caught:
        write_service_file(tmp_path / "units" / "tw.service", "text")
    assert caught.value.code == "state-not-written" and "--user" in caught.value.hint
