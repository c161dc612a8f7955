"""Real shells complete tw; nothing that is typed, or named on the disk, is run by them."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from pathlib import Path

import pexpect
import pytest

from tests.e2e.commands.conftest import MachineFactory
from tests.e2e.commands.machines import Machine

pytestmark = pytest.mark.e2e

HOSTILE = ("$(touch pwned)", "`touch pwned`", "a;touch pwned", "*")


class Shell:
    """A machine with users alice and bob, some directories with hostile names, and tw in its PATH."""

    def __init__(self, machine: Machine, name: str, *, program: str = "") -> None:
        self.machine = machine
        self.program = shutil.which(program or name) or ""
        if not self.program:
            pytest.skip(f"{program or name} is not installed")
        for user in ("alice", "bob", *HOSTILE):
            (machine.directory / "users" / user).mkdir(parents=True)
        bin_folder = machine.home / "bin"
        bin_folder.mkdir()
        tw = bin_folder / "tw"
        tw.write_text(f'#!/bin/sh\nexec {shlex.join(machine.command())} "$@"\n')
        tw.chmod(0o755)
        self.script = machine.home / "script"
        self.script.write_text(machine.ok("completion", name))
        self.environment = machine.environment(TERM="dumb", PATH=f"{bin_folder}:/usr/local/bin:/usr/bin:/bin")

    def run(self, *words: str) -> list[str]:
        """The lines that the shell prints."""
        done = subprocess.run(
            [self.program, *words],
            cwd=self.machine.home,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        return done.stdout.splitlines()

    def at_terminal(self, *words: str) -> pexpect.spawn[str]:
        """The shell at a terminal."""
        return pexpect.spawn(
            self.program,
            list(words),
            cwd=str(self.machine.home),
            env={**self.environment, "PS1": "ready> "},
            encoding="utf-8",
            timeout=30,
            dimensions=(40, 120),
        )

    def nothing_was_run(self) -> bool:
        return not list(Path(self.machine.home).rglob("pwned"))


def _bash(shell: Shell, *typed: str) -> list[str]:
    words = " ".join(shlex.quote(word) for word in typed)
    code = f"source ./script; COMP_WORDS=({words}); COMP_CWORD={len(typed) - 1}; "
    return shell.run("--norc", "-c", code + "_tw_complete 2>/dev/null; printf '%s\\n' \"${COMPREPLY[@]}\"")


def test_bash_completes_commands_flags_and_names(machine: MachineFactory) -> None:
    shell = Shell(machine("one"), "bash")
    assert _bash(shell, "tw", "stat") == ["status"]
    assert _bash(shell, "tw", "export", "") == ["user", "context"]
    assert _bash(shell, "tw", "export", "user", "") == ["alice", "bob"]
    assert "--json" in _bash(shell, "tw", "status", "--")
    assert _bash(shell, "tw", "status", "--log-format", "=", "j") == ["json"]
    for typed in HOSTILE:
        assert _bash(shell, "tw", "export", "user", typed) == [""]
    assert shell.nothing_was_run()


def test_bash_completes_at_a_terminal(machine: MachineFactory) -> None:
    shell = Shell(machine("one"), "bash")
    (shell.machine.home / "my-file.zip").write_text("")
    child = shell.at_terminal("--norc", "-i")
    child.expect("ready> ")
    child.sendline("source ./script; echo loa''ded")
    child.expect("loaded")
    child.expect("ready> ")
    child.send("echo tw; tw export user al\t")
    child.expect("alice ")
    child.send("\x15tw connect my-f\t")
    child.expect("my-file.zip ")
    child.send("\x15tw export user $(touch pwned)\t\x15")
    child.sendline("exit")
    child.expect(pexpect.EOF)
    child.close()
    assert shell.nothing_was_run()


def test_zsh_completes_at_a_terminal(machine: MachineFactory) -> None:
    shell = Shell(machine("one"), "zsh")
    child = shell.at_terminal("-f", "-i")
    child.sendline("PROMPT='ready> '; autoload -U compinit; compinit -D -u; bindkey '^I' complete-word")
    child.sendline("source ./script; echo loa''ded")  # by itself, TAB expands what is typed, and runs it
    child.expect("loaded\r?\n")
    child.send("tw stat\t")
    child.expect("status ")
    child.send("\x15tw export user al\t")
    child.expect("alice")
    child.send("\x15tw create user \t")
    child.send("\x15tw completion po\t")
    child.expect("wershell")
    child.send("\x15tw export user `touch pwned`\t\x15")
    child.sendline("exit")
    child.expect(pexpect.EOF)
    child.close()
    assert shell.nothing_was_run()


def _fish(shell: Shell, line: str) -> list[str]:
    code = f"source ./script; complete -C {shlex.quote(line)}"
    return [answer.partition("\t")[0] for answer in shell.run("--no-config", "-c", code)]


def test_fish_completes_commands_flags_names_and_files(machine: MachineFactory) -> None:
    shell = Shell(machine("one"), "fish")
    (shell.machine.home / "my-file.zip").write_text("")
    assert _fish(shell, "tw stat") == ["status"]
    assert _fish(shell, "tw export user ") == ["alice", "bob"]
    assert "--json" in _fish(shell, "tw status --")
    assert _fish(shell, "tw connect my-f") == ["my-file.zip"]
    assert _fish(shell, "tw completion po") == ["powershell"]
    for typed in HOSTILE:
        _fish(shell, f"tw export user {typed}")
    assert shell.nothing_was_run()


def test_powershell_completes_commands_and_names(machine: MachineFactory) -> None:
    machine("plain").ok("completion", "powershell")
    shell = Shell(machine("one"), "powershell", program="pwsh")
    script = shell.script.rename(shell.script.with_suffix(".ps1"))
    code = f". {script}; (TabExpansion2 'tw export user a' 16).CompletionMatches.CompletionText"
    assert shell.run("-NoProfile", "-Command", code) == ["alice"]
