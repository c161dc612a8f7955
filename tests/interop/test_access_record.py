"""The access record that we write, in the hands of a real OpenSSH server."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tunnel_whisperer.base.values import Grant, HostPort
from tunnel_whisperer.profile import Profile
from tunnel_whisperer.tenancy import UserBook, make_server_identity
from tunnel_whisperer.tenancy.access_lines import add_line, format_line

pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(not shutil.which("sshd") or not shutil.which("ssh"), reason="no OpenSSH here"),
]

_ACCOUNT = 1
"""``daemon``: root's sshd wants a directory that only an installed service has; anybody else's does
without. (``nobody`` is a locked account where systemd answers for it.)"""


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def directory() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="tw-sshd-", dir="/tmp"))
    yield path
    shutil.rmtree(path)


@pytest.fixture
def targets() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Two listeners: one that is granted, one that is not."""
    with socket.create_server(("127.0.0.1", 0)) as granted, socket.create_server(("127.0.0.1", 0)) as other:
        yield granted, other


class Sshd:
    """A real server with the access record of a profile.

    Unrealistic: it serves one system account, as somebody without rights.
    """

    def __init__(self, profile: Profile) -> None:
        self.port = _free_port()
        self.account = pwd.getpwuid(_ACCOUNT if os.geteuid() == 0 else os.geteuid()).pw_name
        config = profile.directory / "sshd_config"
        config.write_text(
            f"ListenAddress 127.0.0.1\nPort {self.port}\nHostKey {profile.host_key}\nStrictModes no\n"
            f"AuthorizedKeysFile {profile.authorized_keys}\nPasswordAuthentication no\n"
            f"KbdInteractiveAuthentication no\nPidFile none\nUsePAM no\n"
        )
        options = {"user": _ACCOUNT, "group": _ACCOUNT, "extra_groups": []} if os.geteuid() == 0 else {}
        if options:
            for path in (profile.directory, *profile.directory.rglob("*")):
                os.chown(path, _ACCOUNT, _ACCOUNT)
        command = [shutil.which("sshd") or "", "-D", "-e", "-f", str(config)]
        self._log = profile.directory / "sshd.log"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(command, stderr=log, **options)  # type: ignore[call-overload]
        self._wait()

    def _wait(self) -> None:
        deadline = time.monotonic() + 10
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
            except OSError:
                assert self._process.poll() is None, self.log
                assert time.monotonic() < deadline, self.log
                time.sleep(0.02)
            else:
                return

    @property
    def log(self) -> str:
        return self._log.read_text(errors="replace")

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(10)


def _ssh(sshd: Sshd, key: Path, target: HostPort) -> list[str]:
    command = ["ssh", "-F", "none", "-p", str(sshd.port), "-i", str(key), "-o", "IdentitiesOnly=yes"]
    command += ["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "BatchMode=yes"]
    return [*command, "-W", str(target), f"{sshd.account}@127.0.0.1"]


def _reaches(sshd: Sshd, key: Path, target: socket.socket) -> bool:
    """Whether a greeting of the target comes back through ``ssh -W``."""
    target.settimeout(0.0)
    command = _ssh(sshd, key, HostPort(*target.getsockname()))
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe) as client:
        deadline = time.monotonic() + 15
        while client.poll() is None and time.monotonic() < deadline:
            try:
                peer, _ = target.accept()
            except BlockingIOError:
                time.sleep(0.02)
                continue
            peer.sendall(b"hello")
            peer.close()
            output, _ = client.communicate(timeout=15)
            return output == b"hello"
        client.kill()
    return False


def test_openssh_grants_what_the_record_grants_and_nothing_else(
    directory: Path, targets: tuple[socket.socket, socket.socket]
) -> None:
    granted, other = targets
    profile = Profile(directory)
    make_server_identity(profile, "plant")
    port = granted.getsockname()[1]
    grants = [Grant(5432, HostPort("127.0.0.1", port)), Grant(5433, HostPort("fd00::5", 22))]
    book = UserBook(profile)
    user = book.create("alice", grants, expires=time.time() + 3600, single_session=True)
    key = directory / "alice"
    shutil.copy(profile.users / "alice" / "id_ed25519", key)
    sshd = Sshd(profile)
    os.chown(key, os.geteuid(), os.getegid())
    try:
        assert _reaches(sshd, key, granted), sshd.log
        assert not _reaches(sshd, key, other)
        refused = subprocess.run(
            _ssh(sshd, key, HostPort("127.0.0.1", 9)),
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=20,
        )
        assert b"administratively prohibited" in refused.stderr
        late = format_line(user.name, user.public_key, [grants[0].target], time.time() - 60)
        profile.authorized_keys.write_bytes(add_line(b"", late))
        assert not _reaches(sshd, key, granted)
        assert "Refused by key options" in sshd.log
        profile.authorized_keys.write_bytes(add_line(b"", user.access_line()))
        assert _reaches(sshd, key, granted), sshd.log
        book.delete("alice")
        assert not _reaches(sshd, key, granted)
    finally:
        sshd.stop()
