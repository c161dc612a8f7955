"""A real OpenSSH server on loopback."""

from __future__ import annotations

import asyncio
import os
import pwd
import shutil
import socket
import subprocess
import time
from pathlib import Path

from tests.ssh.ends import HOST_KEY, HOST_PUBLIC, USER_KEY
from tunnel_whisperer.ssh.authorized_keys import Access, format_access
from tunnel_whisperer.ssh.session import ClientSession, open_session

__all__ = ["Sshd", "free_port"]


def free_port() -> int:
    """A TCP port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


class Sshd:
    """A real server that lets the user's key in, with what its line grants.

    Unrealistic: it serves one system account, as somebody without rights.

    Args:
        account: that one, where root runs the test; ``daemon`` has no shell.
    """

    def __init__(self, directory: Path, access: Access, extra: str = "", account: str = "daemon") -> None:
        self.port = free_port()
        uid = pwd.getpwnam(account).pw_uid if os.geteuid() == 0 else os.geteuid()
        self.account = pwd.getpwuid(uid).pw_name
        (directory / "host").write_bytes(HOST_KEY)
        (directory / "host").chmod(0o600)
        (directory / "authorized_keys").write_text(format_access(access) + "\n")
        config = directory / "sshd_config"
        config.write_text(
            f"ListenAddress 127.0.0.1\nPort {self.port}\nHostKey {directory}/host\nStrictModes no\n"
            f"AuthorizedKeysFile {directory}/authorized_keys\nPasswordAuthentication no\n"
            f"KbdInteractiveAuthentication no\nPidFile none\nUsePAM no\n{extra}\n"
        )
        user = {}
        if os.geteuid() == 0:
            user = {"user": uid, "group": uid, "extra_groups": []}
            for path in (directory, *directory.iterdir()):
                os.chown(path, uid, uid)
        command = [shutil.which("sshd") or "", "-D", "-e", "-f", str(config)]
        self._log = directory / "sshd.log"
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(command, stderr=log, **user)  # type: ignore[call-overload]
        self._wait()

    def _wait(self) -> None:
        deadline = time.monotonic() + 10
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                assert self.process.poll() is None and time.monotonic() < deadline, self.log
                time.sleep(0.02)

    @property
    def log(self) -> str:
        return self._log.read_text(errors="replace")

    def children(self) -> list[int]:
        """The processes that serve the sessions."""
        found, new = [], [self.process.pid]
        while new:
            pid = new.pop()
            new += map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
            found.append(pid)
        return found[1:]

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(10)

    async def log_in(self, *, key: bytes = USER_KEY, host_key: str = HOST_PUBLIC) -> ClientSession:
        loop = asyncio.get_running_loop()
        return await open_session(
            lambda factory: loop.create_connection(factory, "127.0.0.1", self.port),
            user=self.account,
            private_key=key,
            host_key=host_key,
            name="relay",
        )
