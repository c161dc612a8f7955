"""Real proxies on loopback: squid for HTTP and HTTPS, microsocks for SOCKS5."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType

from tests.interop.xray import free_port

__all__ = ["PASSWORD", "USER", "Microsocks", "Squid", "missing_microsocks", "missing_squid"]

USER, PASSWORD = "ann", "pass:w@rd/1"

_NCSA = Path("/usr/lib/squid/basic_ncsa_auth")
_SQUID = shutil.which("squid") or shutil.which("squid", path="/usr/sbin")
_MICROSOCKS = shutil.which("microsocks")


def missing_squid() -> str:
    """What lacks for running squid; empty if nothing."""
    if _SQUID is None or not _NCSA.exists():
        return "not installed: squid"
    return "" if shutil.which("openssl") else "not installed: openssl"


def missing_microsocks() -> str:
    """What lacks for running microsocks; empty if nothing."""
    return "" if _MICROSOCKS else "not installed: microsocks"


class _Program:
    """One running proxy; a context manager."""

    def __init__(self) -> None:
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    def _start(self, command: list[str]) -> None:
        self._process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        deadline = time.monotonic() + 20
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
            except OSError:
                assert self._process.poll() is None, f"{command[0]} ended: {self._log()}"
                assert time.monotonic() < deadline, f"{command[0]} does not listen: {self._log()}"
                time.sleep(0.05)
            else:
                return

    def _log(self) -> str:
        return ""

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()


class Squid(_Program):
    """An HTTP proxy.

    Args:
        password: whether it asks for one (Basic).
        tls: certificate and key: it is an ``https://`` proxy.
        allowed: False refuses everything.
    """

    def __init__(
        self, *, password: bool = False, tls: tuple[Path, Path] | None = None, allowed: bool = True
    ) -> None:
        super().__init__()
        self._password = password
        self._tls = tls
        self._allowed = allowed
        self._directory = Path(tempfile.mkdtemp(prefix="tw-squid-"))

    def __enter__(self) -> Squid:
        config = self._directory / "squid.conf"
        config.write_text("\n".join(self._config()) + "\n")
        if os.getuid() == 0:  # started by root it becomes this user, who must reach its files
            user = pwd.getpwnam("proxy")
            for path in (self._directory, *self._directory.iterdir()):
                os.chown(path, user.pw_uid, user.pw_gid)
        assert _SQUID is not None
        self._start([_SQUID, "-N", "-f", str(config)])
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        super().__exit__(kind, exc, trace)
        shutil.rmtree(self._directory)

    def _config(self) -> list[str]:
        here = self._directory
        lines = [
            f"pid_filename {here}/squid.pid",
            f"cache_log {here}/cache.log",
            f"access_log stdio:{here}/access.log",
            f"coredump_dir {here}",
            "cache deny all",
            "pinger_enable off",
            "netdb_filename none",
            "visible_hostname proxy.test",
        ]
        if self._tls is None:
            lines.append(f"http_port 127.0.0.1:{self.port}")
        else:
            certificate, key = (Path(shutil.copy(path, here)) for path in self._tls)
            lines.append(f"https_port 127.0.0.1:{self.port} tls-cert={certificate} tls-key={key}")
        if self._password:
            digest = subprocess.run(
                ["openssl", "passwd", "-apr1", PASSWORD], capture_output=True, text=True, check=True
            ).stdout.strip()
            (here / "passwords").write_text(f"{USER}:{digest}\n")
            lines += [
                f"auth_param basic program {_NCSA} {here}/passwords",
                "auth_param basic children 1 startup=1",
                "acl known proxy_auth REQUIRED",
                "http_access allow known",
            ]
        elif self._allowed:
            lines.append("http_access allow all")
        return [*lines, "http_access deny all"]

    def _log(self) -> str:
        log = self._directory / "cache.log"
        return log.read_text(errors="replace")[-2000:] if log.exists() else "no log"


class Microsocks(_Program):
    """A SOCKS5 proxy.

    Args:
        password: whether it asks for one.
    """

    def __init__(self, *, password: bool = False) -> None:
        super().__init__()
        self._password = password

    def __enter__(self) -> Microsocks:
        assert _MICROSOCKS is not None
        command = [_MICROSOCKS, "-i", "127.0.0.1", "-p", str(self.port)]
        self._start([*command, "-u", USER, "-P", PASSWORD] if self._password else command)
        return self
