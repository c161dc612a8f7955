"""The system's own ssh on a terminal of ours, as a page drives it; the other side is a real OpenSSH."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.interop.sshd import Sshd
from tests.kit.clock import real_run
from tests.ssh.ends import USER_KEY, USER_PUBLIC
from tunnel_whisperer.daemon.terminal import Terminal
from tunnel_whisperer.ssh.authorized_keys import Access

pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(not (shutil.which("sshd") and shutil.which("ssh")), reason="no OpenSSH here"),
]


@pytest.fixture
def words(tmp_path: Path) -> Iterator[list[str]]:
    """What starts ssh to a server that gives shells."""
    with tempfile.TemporaryDirectory() as name:
        server = Sshd(Path(name), Access(USER_PUBLIC, "user"), account="root")
        (Path(name) / "authorized_keys").write_text(USER_PUBLIC + "\n")
        key = tmp_path / "key"
        key.write_bytes(USER_KEY)
        key.chmod(0o600)
        values = ("StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR")
        options = [word for value in values for word in ("-o", value)]
        yield [
            "ssh",
            "-F",
            "none",
            "-i",
            str(key),
            "-p",
            str(server.port),
            *options,
            f"{server.account}@127.0.0.1",
        ]
        server.stop()


async def _until(terminal: Terminal, text: bytes) -> bytes:
    seen = b""
    while text not in seen:
        data = await terminal.read()
        assert data, seen
        terminal.taken(len(data))
        seen += data
    return seen


def test_a_shell_has_a_terminal_its_size_and_its_keys(words: list[str]) -> None:
    async def main() -> int | None:
        terminal = await Terminal.start(words, rows=24, columns=80)
        try:
            async with asyncio.timeout(30):
                terminal.write(b"PS1='go''on>'; test -t 0 && stty size; echo 'o'ne\n")
                assert b"24 80" in await _until(terminal, b"one\r\n")
                terminal.resize(50, 132)
                # The new size travels beside what is typed: it is asked for until it is there.
                terminal.write(b"until stty size | grep 132; do sleep 0.05; done; echo 't'wo; cat\n")
                assert b"50 132" in await _until(terminal, b"two\r\n")
                terminal.write(b"ping\n")
                await _until(terminal, b"ping\r\nping\r\n")  # what was typed, and cat
                terminal.write(b"\x03")
                await _until(terminal, b"goon>")  # what is typed ahead of a prompt goes with Ctrl-C
                terminal.write(b"echo 't'hree; exit 5\n")
                await _until(terminal, b"three\r\n")
                while data := await terminal.read():
                    terminal.taken(len(data))
        finally:
            await terminal.close()
        return terminal.status

    assert real_run(main(), timeout_s=60) == 5
