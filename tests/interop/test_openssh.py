"""Our SSH against the real one, both ways round, and each other's keys."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.interop.sshd import Sshd, free_port
from tests.kit.clock import real_run
from tests.kit.recorder import Recorder
from tests.ssh.ends import (
    BIND,
    HOST_KEY,
    HOST_PUBLIC,
    ORIGIN,
    OTHER_KEY,
    OTHER_PUBLIC,
    TARGET,
    USER_KEY,
    USER_PUBLIC,
    Door,
)
from tunnel_whisperer.base.errors import Misuse, Refused, Retry, TwError, Unreachable
from tunnel_whisperer.base.values import HostPort
from tunnel_whisperer.ssh.authorized_keys import Access
from tunnel_whisperer.ssh.endpoint import SshEndpoint
from tunnel_whisperer.ssh.keys import fingerprint, generate_ed25519, load_private, normalise_public
from tunnel_whisperer.ssh.session import ClientSession

_MISSING = [name for name in ("ssh", "sshd", "ssh-keygen") if not shutil.which(name)]
pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(bool(_MISSING), reason=f"OpenSSH is not here: {', '.join(_MISSING)}"),
]

MB = 1024 * 1024
_PATIENCE_S = 15


class Echo(Recorder):
    """Sends back what it gets, and its end after the peer's."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        assert self.transport is not None
        self.on_data = self.transport.write
        self.on_eof = self.transport.close

    def pause_writing(self) -> None:
        super().pause_writing()
        assert self.transport is not None
        self.transport.pause_reading()

    def resume_writing(self) -> None:
        super().resume_writing()
        assert self.transport is not None
        self.transport.resume_reading()


# -- keys -----------------------------------------------------------------------------------------------


def _keygen(*args: str) -> str:
    done = subprocess.run(
        ["ssh-keygen", *args], capture_output=True, text=True, timeout=_PATIENCE_S, check=True
    )
    return done.stdout.strip()


def test_ssh_keygen_reads_our_keys(tmp_path: Path) -> None:
    pem, line = generate_ed25519("anna@plant")
    file = tmp_path / "id"
    file.touch(mode=0o600)
    file.write_bytes(pem)
    assert _keygen("-y", "-f", str(file)) == line
    assert fingerprint(line) in _keygen("-l", "-f", str(file))
    (tmp_path / "id.pub").write_text(line + "\n")
    assert _keygen("-l", "-f", str(tmp_path / "id.pub")) == f"256 {fingerprint(line)} anna@plant (ED25519)"


def test_keys_of_ssh_keygen_are_read(tmp_path: Path) -> None:
    file = tmp_path / "id"
    _keygen("-q", "-t", "ed25519", "-N", "", "-C", "made there", "-f", str(file))
    line = (tmp_path / "id.pub").read_text()
    assert load_private(file).export_public_key().decode().split()[:2] == line.split()[:2]
    assert fingerprint(line) == _keygen("-l", "-f", str(file)).split()[1]


@pytest.mark.parametrize(
    "options", [("-t", "ed25519", "-N", "secret"), ("-t", "rsa", "-b", "2048", "-N", "")]
)
def test_other_keys_of_ssh_keygen_are_refused(tmp_path: Path, options: tuple[str, ...]) -> None:
    file = tmp_path / "id"
    _keygen("-q", *options, "-f", str(file))
    with pytest.raises(Misuse) as info:
        load_private(file)
    assert info.value.code == "bad-key"


# -- ssh at our endpoint ----------------------------------------------------------------------------------


class Client:
    """``ssh`` with the user's key, at our endpoint behind a plain listener."""

    def __init__(self, directory: Path, port: int) -> None:
        self.directory = directory
        self.port = port
        self.key = directory / "id"
        self.key.touch(mode=0o600)
        self.key.write_bytes(USER_KEY)
        self.known_hosts = directory / "known_hosts"
        self.trust(HOST_PUBLIC)

    def trust(self, host_key: str) -> None:
        self.known_hosts.write_text(f"[127.0.0.1]:{self.port} {' '.join(host_key.split()[:2])}\n")

    async def start(self, *args: str, host: bool = True) -> asyncio.subprocess.Process:
        options = (
            "IdentitiesOnly=yes", "BatchMode=yes", "StrictHostKeyChecking=yes", "ExitOnForwardFailure=yes",
            f"UserKnownHostsFile={self.known_hosts}", "GlobalKnownHostsFile=/dev/null", "LogLevel=VERBOSE",
        )  # fmt: skip
        command = ["ssh", "-F", "none", "-p", str(self.port), "-i", str(self.key)]
        command += [word for option in options for word in ("-o", option)]
        pipe = asyncio.subprocess.PIPE
        where = ["tw@127.0.0.1"] if host else []
        options_first = [a for a in args if not a.startswith("run:")]
        rest = [a.removeprefix("run:") for a in args if a.startswith("run:")]
        return await asyncio.create_subprocess_exec(
            *command, *options_first, *where, *rest, stdin=pipe, stdout=pipe, stderr=pipe
        )

    async def run(self, *args: str, data: bytes = b"") -> tuple[int, bytes, str]:
        """To its end: status, standard output, standard error."""
        process = await self.start(*args)
        try:
            async with asyncio.timeout(_PATIENCE_S):
                output, errors = await process.communicate(data)
        finally:
            await _end(process)
        assert process.returncode is not None
        return process.returncode, output, errors.decode(errors="replace")


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.kill()
        await process.communicate()


@asynccontextmanager
async def _served(directory: Path) -> AsyncIterator[tuple[Door, Client]]:
    door = Door()
    door.make = Echo
    endpoint = SshEndpoint(HOST_KEY, door)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: endpoint.accept({}), "127.0.0.1", 0)
    try:
        yield door, Client(directory, server.sockets[0].getsockname()[1])
    finally:
        server.close()
        for session in door.sessions:
            session.close("the test is over")
        await asyncio.sleep(0.05)


@asynccontextmanager
async def _forwarding(client: Client, *args: str) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await client.start("-N", *args)
    try:
        yield process
    finally:
        await _end(process)


async def _connect(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """As soon as somebody listens."""
    async with asyncio.timeout(_PATIENCE_S):
        while True:
            try:
                return await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.02)


async def _echo(port: int, data: bytes) -> bytes:
    """What comes back until the end; ``b"reset"`` if that is how it ends."""
    reader, writer = await _connect(port)

    async def send() -> None:
        writer.write(data)
        await writer.drain()
        writer.write_eof()

    try:
        async with asyncio.timeout(_PATIENCE_S):
            return (await asyncio.gather(reader.read(), send()))[0]
    except OSError:
        return b"reset"
    finally:
        writer.close()


def test_ssh_reaches_a_granted_port_and_no_other(tmp_path: Path) -> None:
    async def main() -> None:
        good, bad = free_port(), free_port()
        async with _served(tmp_path) as (door, client):
            options = ("-L", f"127.0.0.1:{good}:127.0.0.1:5432", "-L", f"127.0.0.1:{bad}:127.0.0.1:5433")
            async with _forwarding(client, *options) as process:
                data = random.Random(1).randbytes(2 * MB)
                assert await _echo(good, data) == data
                assert await _echo(bad, b"let me in") in (b"", b"reset")
                assert await _echo(good, b"once more") == b"once more"
                assert process.returncode is None
            assert door.asked == [TARGET, HostPort("127.0.0.1", 5433), TARGET]
            assert door.attempts[0] == ("tw", normalise_public(USER_PUBLIC))

    real_run(main())


def test_many_connections_of_ssh_at_once(tmp_path: Path) -> None:
    async def main() -> None:
        port = free_port()
        async with _served(tmp_path) as (door, client):
            async with _forwarding(client, "-L", f"127.0.0.1:{port}:127.0.0.1:5432"):
                await _echo(port, b"up")
                pieces = [random.Random(n).randbytes(5000 * n) for n in range(40)]
                assert await asyncio.gather(*[_echo(port, piece) for piece in pieces]) == pieces
            assert len(door.opened) == 41

    real_run(main())


@pytest.mark.parametrize(
    "cipher", ["aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "chacha20-poly1305@openssh.com"]
)
@pytest.mark.parametrize("rekey", ["default none", "200K none"])
def test_ssh_with_each_cipher_and_with_new_keys_on_the_way(tmp_path: Path, cipher: str, rekey: str) -> None:
    async def main() -> None:
        async with _served(tmp_path) as (_, client):
            data = random.Random(2).randbytes(3 * MB)
            options = ("-vv", "-o", f"Ciphers={cipher}", "-o", f"RekeyLimit={rekey}")
            status, output, errors = await client.run("-W", "127.0.0.1:5432", *options, data=data)
            assert status == 0, errors
            assert output == data
            assert (errors.count("rekeying") >= 5) is (rekey == "200K none")

    real_run(main())


def test_new_keys_that_we_ask_for(tmp_path: Path) -> None:
    async def main() -> None:
        port = free_port()
        options = ("-L", f"127.0.0.1:{port}:127.0.0.1:5432")
        async with _served(tmp_path) as (door, client), _forwarding(client, *options):
            await _echo(port, b"up")
            connection = door.sessions[0]._connection
            connection._rekey_bytes = 300_000
            keys, original = [], connection.send_newkeys

            def send_newkeys(k: bytes, h: bytes) -> None:
                keys.append(1)
                original(k, h)

            connection.send_newkeys = send_newkeys  # type: ignore[method-assign]
            data = random.Random(3).randbytes(3 * MB)
            assert await _echo(port, data) == data
            assert len(keys) >= 5

    real_run(main())


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("a command", ("run:id",)),
        ("a shell", ()),
        ("a terminal", ("-tt",)),
        ("a subsystem", ("-s", "run:sftp")),
        ("an agent", ("-A", "run:true")),
        ("a window", ("-X", "run:true")),
        ("a listener that is not granted", ("-N", "-R", "127.0.0.1:20002:127.0.0.1:1")),
        ("a listener for all", ("-N", "-R", "0:127.0.0.1:1")),
        ("a listener on a Unix socket", ("-N", "-R", "/tmp/tw-test.sock:127.0.0.1:1")),
        ("a Unix socket", ("-W", "/run/x.sock:1")),
        ("another port", ("-W", "127.0.0.1:5433")),
        ("another name for the host", ("-W", "localhost:5432")),
    ],
)
def test_ssh_is_refused_everything_else(tmp_path: Path, name: str, args: tuple[str, ...]) -> None:
    async def main() -> None:
        async with _served(tmp_path) as (door, client):
            status, output, errors = await client.run(*args, data=b"id\n")
            assert status != 0 and not output, f"{name}: {errors}"
            assert door.sessions and not door.opened, errors

    real_run(main())


def test_the_socks_port_of_ssh_reaches_what_is_granted_and_no_more(tmp_path: Path) -> None:
    async def main() -> None:
        port = free_port()
        async with _served(tmp_path) as (door, client), _forwarding(client, "-D", f"127.0.0.1:{port}"):
            for target, reached in ((5432, True), (5433, False)):
                reader, writer = await _connect(port)
                writer.write(b"\x05\x01\x00\x05\x01\x00\x01\x7f\0\0\1" + target.to_bytes(2, "big") + b"hello")
                answered = True
                async with asyncio.timeout(_PATIENCE_S):
                    try:
                        await reader.readuntil(b"hello")
                    except (ConnectionError, asyncio.IncompleteReadError):
                        answered = False
                assert answered is reached
                writer.close()
            assert len(door.opened) == 1

    real_run(main())


def test_ssh_publishes_what_is_granted(tmp_path: Path) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        async with _served(tmp_path) as (door, client):
            local = await loop.create_server(Echo, "127.0.0.1", 0)
            port = local.sockets[0].getsockname()[1]
            async with _forwarding(client, "-R", f"127.0.0.1:{BIND.port}:127.0.0.1:{port}"):
                async with asyncio.timeout(_PATIENCE_S):
                    while not door.sessions or BIND not in door.sessions[0]._binds:
                        await asyncio.sleep(0.02)
                transport, right = await door.sessions[0].open_forwarded(BIND, ORIGIN, Recorder)
                assert isinstance(right, Recorder)
                data = random.Random(4).randbytes(MB)
                transport.write(data)
                transport.write_eof()
                await right.got_eof()
                assert right.received == data
            local.close()

    real_run(main())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("-o", "PubkeyAuthentication=no", "-o", "PreferredAuthentications=password"), "denied (publickey)"),
        (("-o", "Ciphers=aes128-ctr"), "no matching cipher"),
        (("-o", "KexAlgorithms=diffie-hellman-group14-sha256"), "no matching key exchange"),
        (("-o", "HostKeyAlgorithms=rsa-sha2-512"), "no matching host key"),
        (("-l", "root"), "Permission denied"),
    ],
)
def test_what_ssh_is_told_when_it_may_not_in(tmp_path: Path, options: tuple[str, ...], message: str) -> None:
    async def main() -> None:
        async with _served(tmp_path) as (door, client):
            args = [*options, "-W", "127.0.0.1:5432"]
            status, _, errors = await client.run(*args)
            assert status == 255 and message in errors
            assert not door.sessions

    real_run(main())


def test_ssh_does_not_believe_another_host_key(tmp_path: Path) -> None:
    async def main() -> None:
        async with _served(tmp_path) as (door, client):
            client.trust(OTHER_PUBLIC)
            status, _, errors = await client.run("-W", "127.0.0.1:5432")
            assert status == 255 and "Host key verification failed" in errors
            assert not door.attempts and not door.sessions

    real_run(main())


# -- our session at a real sshd -------------------------------------------------------------------------------


@pytest.fixture
def directory() -> Iterator[Path]:
    """Not below pytest's own, into which sshd's account cannot look."""
    path = Path(tempfile.mkdtemp(prefix="tw-sshd-"))
    yield path
    shutil.rmtree(path)


@asynccontextmanager
async def _sshd(
    directory: Path, *, publishes: int | None = None, extra: str = ""
) -> AsyncIterator[tuple[Sshd, HostPort]]:
    """A server, and the echo that its line lets us reach."""
    target = await asyncio.get_running_loop().create_server(Echo, "127.0.0.1", 0)
    address = HostPort("127.0.0.1", target.sockets[0].getsockname()[1])
    listens = frozenset() if publishes is None else frozenset({HostPort("127.0.0.1", publishes)})
    access = Access(normalise_public(USER_PUBLIC), "user", frozenset({address}), listens)
    sshd = Sshd(directory, access, extra)
    try:
        yield sshd, address
    finally:
        sshd.stop()
        target.close()
        await asyncio.sleep(0.05)


async def _through(session: ClientSession, target: HostPort, data: bytes) -> bytes:
    left = Recorder()
    transport, _ = await session.open_channel(target, ORIGIN, lambda: left)
    transport.write(data)
    transport.write_eof()
    await left.got_lost()
    assert left.eof and left.lost_exc is None
    return bytes(left.received)


@pytest.mark.parametrize(
    "extra", ["", "RekeyLimit 300K", "Ciphers chacha20-poly1305@openssh.com", "Compression yes"]
)
def test_our_channels_at_a_real_server(directory: Path, extra: str) -> None:
    async def main() -> None:
        async with _sshd(directory, extra=extra) as (sshd, target):
            session = await sshd.log_in()
            data = random.Random(5).randbytes(3 * MB)
            assert await _through(session, target, data) == data
            pieces = [random.Random(n).randbytes(3000 * n) for n in range(20)]
            assert await asyncio.gather(*[_through(session, target, piece) for piece in pieces]) == pieces
            session.close()
            assert await session.closed is None

    real_run(main())


def test_new_keys_that_we_ask_a_real_server_for(directory: Path) -> None:
    async def main() -> None:
        async with _sshd(directory) as (sshd, target):
            session = await sshd.log_in()
            session._connection._rekey_bytes = 300_000
            data = random.Random(6).randbytes(3 * MB)
            assert await _through(session, target, data) == data
            session.abort()

    real_run(main())


def test_what_a_real_server_refuses(directory: Path) -> None:
    async def main() -> None:
        async with _sshd(directory, publishes=free_port()) as (sshd, target):
            session = await sshd.log_in()
            with pytest.raises(Refused) as info:
                await session.open_channel(HostPort("127.0.0.1", 9), ORIGIN, Recorder)
            assert info.value.code == "not-authorised" and info.value.where == "127.0.0.1:9"
            with pytest.raises(Refused) as info:
                await session.publish(HostPort("127.0.0.1", free_port()), lambda _: Recorder())
            assert info.value.code == "not-authorised"
            assert await _through(session, target, b"still up") == b"still up"
            session.abort()

    real_run(main())


def test_a_reset_that_a_real_server_does_not_understand_harms_nothing(directory: Path) -> None:
    async def main() -> None:
        async with _sshd(directory) as (sshd, target):
            session = await sshd.log_in()
            for half in (False, True):
                left = Recorder()
                transport, _ = await session.open_channel(target, ORIGIN, lambda left=left: left)  # type: ignore[misc]
                transport.write(b"x" * 1000)
                if half:
                    transport.write_eof()
                transport.abort()
                await left.got_lost()
            assert await _through(session, target, b"still up") == b"still up"
            session.abort()

    real_run(main())


def test_a_real_server_publishes_for_us(directory: Path) -> None:
    async def main() -> None:
        port = free_port()
        async with _sshd(directory, publishes=port) as (sshd, _):
            session = await sshd.log_in()
            origins: list[HostPort] = []

            def accept(origin: HostPort) -> asyncio.Protocol:
                origins.append(origin)
                return Echo()

            await session.publish(HostPort("127.0.0.1", port), accept)
            data = random.Random(7).randbytes(2 * MB)
            assert await _echo(port, data) == data
            assert await asyncio.gather(*[_echo(port, b"%d" % n) for n in range(20)]) == [
                b"%d" % n for n in range(20)
            ]
            assert len(origins) == 21 and origins[0].host == "127.0.0.1"
            session.abort()

    real_run(main())


def test_a_real_server_with_another_host_key_is_not_believed(directory: Path) -> None:
    async def main() -> None:
        async with _sshd(directory) as (sshd, _):
            with pytest.raises(Refused) as info:
                await sshd.log_in(host_key=OTHER_PUBLIC)
            assert info.value.code == "host-key-mismatch" and info.value.retry is Retry.NEVER
            assert "Accepted publickey" not in sshd.log

    real_run(main())


def test_a_real_server_that_does_not_know_the_key(directory: Path) -> None:
    async def main() -> None:
        async with _sshd(directory) as (sshd, _):
            with pytest.raises(TwError) as info:
                await sshd.log_in(key=OTHER_KEY)
            assert info.value.code == "user-not-active"

    real_run(main())


def test_a_real_server_answers_our_sign_of_life(directory: Path) -> None:
    async def main() -> None:
        async with _sshd(directory) as (sshd, _):
            session = await sshd.log_in()
            assert await session._pulse.probe()
            assert session.rtt_s is not None and session.rtt_s < 1
            session.abort()

    real_run(main())


def test_a_real_server_that_dies_is_noticed_at_once(directory: Path) -> None:
    async def main() -> None:
        async with _sshd(directory) as (sshd, target):
            session = await sshd.log_in()
            left = Recorder()
            await session.open_channel(target, ORIGIN, lambda: left)
            for child in sshd.children():
                os.kill(child, 9)
            async with asyncio.timeout(5):
                error = await session.closed
            assert isinstance(error, Unreachable) and error.code == "session-lost"
            await left.got_lost()
            assert left.lost_exc is not None

    real_run(main())
