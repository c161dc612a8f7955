"""A real OpenSSH client, with a user's own files, through our relay to our server.

Nothing of our client is there but the stream (stdio_bridge.py): the session, the channels and the
refusals are between OpenSSH and ``tw serve``.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from tests.interop.conftest import probe
from tests.interop.roles import Roles
from tests.interop.xray import free_port

pytestmark = [
    pytest.mark.interop,
    pytest.mark.xdist_group("openssh-through-relay"),  # one relay for all
    pytest.mark.skipif(not shutil.which("ssh") or not shutil.which("ssh-keygen"), reason="no OpenSSH here"),
]

BRIDGE = str(Path(__file__).parent / "stdio_bridge.py")
ALIAS = "plant"


class User:
    """Somebody who may reach the service; the files unpacked as they came."""

    def __init__(self, roles: Roles, name: str, service: int) -> None:
        self.name = name
        self.roles = roles
        self.service = service
        bundle = roles.let_in(name, str(service))
        self.directory = roles.directory / name
        zipfile.ZipFile(bundle).extractall(self.directory)
        self.key.chmod(0o600)  # unpacking forgets it, and ssh insists
        client = yaml.safe_load((self.directory / "config.yaml").read_text())["client"]
        self.host_key = str(client["server_host_key"])
        self.known_hosts = self.directory / "known_hosts"
        self.known_hosts.write_text(f"{ALIAS} {self.host_key}\n")

    @property
    def key(self) -> Path:
        return self.directory / "id_ed25519"

    def command(self, *words: str, name: str = "tw") -> list[str]:
        """``ssh`` through the relay as that user, trusting the pinned host key only."""
        options = {
            "ProxyCommand": f"{sys.executable} {BRIDGE} {self.directory}",
            "HostKeyAlias": ALIAS,
            "UserKnownHostsFile": str(self.known_hosts),
            "GlobalKnownHostsFile": "/dev/null",
            "StrictHostKeyChecking": "yes",
            "IdentitiesOnly": "yes",
            "BatchMode": "yes",
            "ExitOnForwardFailure": "yes",
        }
        flags = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
        return ["ssh", "-F", "none", "-i", str(self.key), *flags, "-l", name, *words]

    def ssh(self, *words: str, name: str = "tw") -> subprocess.CompletedProcess[str]:
        """Run it to its end."""
        return subprocess.run(
            self.command(*words, name=name),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )

    @contextmanager
    def forwarding(self, *targets: str) -> Iterator[tuple[subprocess.Popen[str], list[int]]]:
        """``ssh -N -L`` with a local port for each target; yields it and the ports."""
        ports = [free_port() for _ in targets]
        maps = [word for port, to in zip(ports, targets, strict=True) for word in ("-L", f"{port}:{to}")]
        process = subprocess.Popen(
            self.command("-N", *maps, ALIAS), stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        assert process.stderr is not None
        try:
            _wait_for_port(ports[0], process)
            yield process, ports
        finally:
            process.terminate()
            process.wait(10)
            process.stderr.close()


def _wait_for_port(port: int, process: subprocess.Popen[str]) -> None:
    """Until ssh listens there, which it does when it is logged in."""
    deadline = time.monotonic() + 20
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            assert process.poll() is None, process.communicate()[1]
            assert time.monotonic() < deadline, "ssh never listened"
            time.sleep(0.02)
        else:
            return


@pytest.fixture(scope="module")
def roles(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Roles]:
    with Roles(tmp_path_factory.mktemp("roles")) as running:
        yield running


@pytest.fixture
def user(roles: Roles, service: int) -> User:
    return User(roles, f"user-{service}", service)


def test_a_granted_port_is_reached_and_an_ungranted_one_is_not(user: User) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        refused = other.getsockname()[1]
        targets = (f"127.0.0.1:{user.service}", f"127.0.0.1:{refused}", f"localhost:{user.service}")
        with user.forwarding(*targets) as (process, ports):
            assert "ok" in probe("fetch", ports[0], 20_000_000)
            assert "ok" in probe("push", ports[0], 20_000_000)
            assert "ok" in probe("short", ports[0], 50)
            for port in ports[1:]:
                with socket.create_connection(("127.0.0.1", port), 10) as sock:
                    assert _ends(sock)
            assert process.poll() is None
            assert "ok" in probe("fetch", ports[0], 1000)  # a refusal costs the session nothing
            process.terminate()
            assert process.communicate(timeout=10)[1].count("administratively prohibited") == 2
        other.settimeout(0)
        with pytest.raises(BlockingIOError):
            other.accept()
    assert f"refused 127.0.0.1:{refused}: no grant for" in user.roles.said("server")


def _ends(sock: socket.socket) -> bool:
    try:
        return sock.recv(1) == b""
    except ConnectionResetError:
        return True


@pytest.mark.parametrize(
    "words",
    [
        (ALIAS,),
        ("-tt", ALIAS),
        (ALIAS, "id"),
        ("-s", ALIAS, "sftp"),
        ("-N", "-R", "0:127.0.0.1:9", ALIAS),
        ("-N", "-R", "127.0.0.1:20001:127.0.0.1:9", ALIAS),
        ("-N", "-w", "0:0", ALIAS),
    ],
    ids=["shell", "terminal", "command", "sftp", "reverse", "reverse-of-another", "tun"],
)
def test_nothing_but_forwards_is_to_be_had(words: tuple[str, ...], user: User) -> None:
    result = user.ssh(*words)
    assert result.returncode not in (0, None)
    assert "uid=" not in result.stdout
    assert result.stdout == ""
    user.roles.wait_for("server", f"user {user.name} connected")  # it was let in, and then had nothing


def test_another_host_key_is_refused_by_openssh(user: User, tmp_path: Path) -> None:
    other = tmp_path / "other"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(other)], check=True)
    user.known_hosts.write_text(f"{ALIAS} {other.with_suffix('.pub').read_text()}")
    result = user.ssh("-N", ALIAS)
    assert result.returncode == 255
    assert "Host key verification failed" in result.stderr


def test_another_key_or_name_is_not_let_in(user: User) -> None:
    assert "Permission denied (publickey)" in user.ssh("-N", ALIAS, name="root").stderr
    user.key.unlink()
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(user.key)], check=True, input=b"y\n"
    )
    result = user.ssh("-N", ALIAS)
    assert result.returncode == 255
    assert "Permission denied (publickey)" in result.stderr


def test_a_deleted_user_is_put_out_within_a_second(user: User) -> None:
    with user.forwarding(f"127.0.0.1:{user.service}") as (process, ports):
        sock = socket.create_connection(("127.0.0.1", ports[0]), 10)
        sock.sendall(b"echo\nhello")
        assert sock.recv(5) == b"hello"
        user.roles.tw("server", "delete", "user", user.name, "--yes")
        began = time.monotonic()
        assert _ends(sock)
        process.wait(5)
        assert time.monotonic() - began < 2.0  # one for us, one for a slow machine
        sock.close()
    result = user.ssh("-N", ALIAS)
    assert result.returncode == 255
    assert "Permission denied (publickey)" in result.stderr


def test_ssh_keygen_reads_our_keys(user: User) -> None:
    def keygen(*words: str) -> str:
        return subprocess.run(
            ["ssh-keygen", *words], capture_output=True, text=True, check=True
        ).stdout.strip()

    server = user.roles.directory / "server"
    for private in (user.key, server / "id_ed25519", server / "ssh_host_ed25519_key"):
        public = private.with_name(f"{private.name}.pub")
        assert keygen("-y", "-f", str(private)).split()[:2] == public.read_text().split()[:2]
        assert keygen("-l", "-f", str(private)).split()[1] == keygen("-l", "-f", str(public)).split()[1]
    assert user.host_key == " ".join(keygen("-y", "-f", str(server / "ssh_host_ed25519_key")).split()[:2])
    assert keygen("-l", "-f", str(server / "authorized_keys")).endswith(f"{user.name}@tw (ED25519)")
