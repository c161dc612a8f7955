"""Commands at a real OpenSSH."""

from __future__ import annotations

import asyncio
import random
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.interop.sshd import Sshd
from tests.kit.clock import real_run
from tests.ssh.ends import USER_PUBLIC
from tunnel_whisperer.base.errors import PeerFault, Refused, Unreachable
from tunnel_whisperer.ssh.authorized_keys import Access
from tunnel_whisperer.ssh.command import Ran, run_command

pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(not shutil.which("sshd"), reason="no sshd here"),
]


@pytest.fixture
def sshd() -> Iterator[Sshd]:
    with tempfile.TemporaryDirectory() as name:
        server = Sshd(Path(name), Access(USER_PUBLIC, "user"), account="root")
        # The record of our own says nothing of shells; this one may run commands.
        (Path(name) / "authorized_keys").write_text(USER_PUBLIC + "\n")
        yield server
        server.stop()


def _run(sshd: Sshd, command: str, given: bytes = b"", timeout_s: float = 15, **more: object) -> Ran:
    async def main() -> Ran:
        session = await sshd.log_in()
        try:
            return await run_command(session, command, given, timeout_s=timeout_s, **more)  # type: ignore[arg-type]
        finally:
            session.close()
            await session.closed

    return real_run(main())


def test_what_it_prints_and_how_it_ends(sshd: Sshd) -> None:
    assert _run(sshd, "echo yes; echo no >&2; exit 7") == Ran(7, b"yes\n")
    assert _run(sshd, "true") == Ran(0, b"")


def test_the_status_may_come_behind_the_end(sshd: Sshd) -> None:
    assert _run(sshd, "exec >&- 2>&-; sleep 0.2; exit 3") == Ran(3, b"")


def test_it_reads_what_it_is_given_whatever_the_size(sshd: Sshd) -> None:
    data = random.Random(3).randbytes(3 << 20)
    ran = _run(sshd, "cat; head -c 4000000 /dev/zero >&2", data)
    assert ran == Ran(0, data)


def test_lines_are_told_as_they_come(sshd: Sshd) -> None:
    lines: list[str] = []
    _run(sshd, "printf 'one\\ntw'; printf 'o\\nthree'", on_line=lines.append)
    assert lines == ["one", "two", "three"]


def test_one_that_does_not_end_is_given_up(sshd: Sshd) -> None:
    with pytest.raises(Unreachable, match="does not end"):
        _run(sshd, "sleep 60", timeout_s=0.3)


def test_one_that_prints_without_end_is_cut_off(sshd: Sshd) -> None:
    with pytest.raises(PeerFault, match="too much"):
        _run(sshd, "yes", limit=100_000)


def test_one_that_is_killed_has_no_status(sshd: Sshd) -> None:
    with pytest.raises(Unreachable, match="SIGKILL"):
        _run(sshd, "kill -9 $$")


def test_a_key_that_may_not_run_any_is_told_so(sshd: Sshd, tmp_path: Path) -> None:
    other = Sshd(tmp_path, Access(USER_PUBLIC, "user"), "MaxSessions 0", account="root")
    try:
        with pytest.raises(Refused):
            _run(other, "true")
    finally:
        other.stop()


def test_a_session_that_ends_meanwhile_leaves_the_end_unknown(sshd: Sshd) -> None:
    async def main() -> None:
        session = await sshd.log_in()
        said = asyncio.Event()
        running = asyncio.ensure_future(
            run_command(session, "echo on; sleep 60", on_line=lambda _: said.set(), timeout_s=15)
        )
        await said.wait()
        session.abort()
        with pytest.raises(Unreachable):
            await running

    real_run(main())
