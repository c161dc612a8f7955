"""``tw.connect``: a program's own connection, through a relay and a server on loopback."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path

import pytest

import tunnel_whisperer as tw
from tests.kit.clock import real_run
from tests.kit.world import World
from tunnel_whisperer.base.values import Grant, HostPort
from tunnel_whisperer.bundle import pack_client
from tunnel_whisperer.daemon import watch
from tunnel_whisperer.profile import Profile
from tunnel_whisperer.server import policy
from tunnel_whisperer.tenancy import UserBook

Scenario = Callable[[World], Coroutine[None, None, None]]


@pytest.fixture
def play(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Scenario], None]:
    monkeypatch.setattr(watch, "INTERVAL_S", 0.02)
    monkeypatch.setattr(policy, "EXPIRY_CHECK_S", 0.02)
    monkeypatch.setattr("tunnel_whisperer.base.backoff._STEPS", (0.05,) * 100)

    def run(scenario: Scenario) -> None:
        async def main() -> None:
            async with World(tmp_path) as world:
                await scenario(world)

        real_run(main(), timeout_s=30)
        assert not [thread for thread in threading.enumerate() if thread.name == "tunnel-whisperer"]

    return run


def _file(server: Profile, *targets: HostPort) -> bytes:
    """Alice's file; her local ports are those of the targets, and one more."""
    grants = tuple(Grant(target.port, target) for target in targets)
    return pack_client(server, UserBook(server).create("alice", grants))


async def _served(world: World) -> tuple[Profile, bytes, int]:
    """A running server, and alice's file with the port of an echo."""
    server, target = world.enroll("plant"), await world.echo()
    await world.serve(server).up()
    return server, _file(server, target), target.port


def _says_back(address: tuple[str, int], text: bytes) -> bytes:
    with socket.create_connection(address, timeout=10) as sock:
        sock.sendall(text)
        sock.shutdown(socket.SHUT_WR)
        with sock.makefile("rb") as answer:
            return answer.read()


def test_a_script_connects_with_with(play: Callable[[Scenario], None]) -> None:
    async def scenario(world: World) -> None:
        _, data, port = await _served(world)
        path = world.directory / "alice-tw-config.zip"
        path.write_bytes(data)

        def script() -> None:
            with tw.connect(str(path)) as t:
                assert t.state == "connected"
                assert t.error is None
                assert _says_back(t.address(port), b"hello") == b"hello<end>"
                assert t.address(port) == ("127.0.0.1", t.ports[port])
                assert f"'127.0.0.1:{port}': {t.ports[port]}" in repr(t)
                t.wait_connected(0)
                opened = t.ports[port]
            assert t.state is tw.ConnectionState.CLOSED
            assert dict(t.ports) == {}
            with pytest.raises(tw.Misuse, match="no port is open"):
                t.port_error(port)
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", opened), timeout=5)
            with pytest.raises(tw.Misuse, match="not open"):
                t.wait_connected()

        await asyncio.to_thread(script)

    play(scenario)


def test_a_coroutine_connects_with_async_with(play: Callable[[Scenario], None]) -> None:
    async def scenario(world: World) -> None:
        _, data, port = await _served(world)
        async with tw.connect(data) as t:
            await t.wait_connected()
            assert t.state == "connected"
            address = t.address(port)
            assert await asyncio.to_thread(_says_back, address, b"hello") == b"hello<end>"
        assert t.state is tw.ConnectionState.CLOSED
        with pytest.raises(tw.Misuse, match="closed"):
            await t.wait_connected()

    play(scenario)


def test_a_notebook_blocks_its_own_loop_and_the_tunnel_goes_on(play: Callable[[Scenario], None]) -> None:
    async def scenario(world: World) -> None:
        _, data, port = await _served(world)

        async def cell() -> None:
            with tw.connect(data) as t:  # while this thread's loop runs
                assert _says_back(t.address(port), b"one") == b"one<end>"
            async with tw.connect(data) as a:
                assert _says_back(a.address(port), b"two") == b"two<end>"

        await asyncio.to_thread(asyncio.run, cell())

    play(scenario)


def test_it_stays_open_from_cell_to_cell_and_can_be_opened_again(play: Callable[[Scenario], None]) -> None:
    async def scenario(world: World) -> None:
        _, data, port = await _served(world)

        def notebook() -> None:
            t = tw.connect(data).open()
            assert t.open() is t
            assert _says_back(t.address(port), b"one") == b"one<end>"
            t.close()
            t.close()
            with t:
                assert _says_back(t.address(port), b"two") == b"two<end>"

        await asyncio.to_thread(notebook)

    play(scenario)


def test_a_lost_server_is_told_and_comes_back_by_itself(play: Callable[[Scenario], None]) -> None:
    async def scenario(world: World) -> None:
        server, target = world.enroll("plant"), await world.echo()
        role = world.serve(server)
        await role.up()
        async with tw.connect(_file(server, target)) as t:
            await world.stop(role)
            while t.error is None:
                await asyncio.sleep(0.01)
            with pytest.raises(tw.Unreachable):
                await t.wait_connected(0.1)
            opened = t.ports[target.port]
            await world.serve(server).up()
            await t.wait_connected(10)
            assert t.state == "connected"
            assert t.ports[target.port] == opened

    play(scenario)


def test_who_is_not_let_in_need_not_wait(play: Callable[[Scenario], None]) -> None:
    async def scenario(world: World) -> None:
        server, data, _ = await _served(world)
        UserBook(server).delete("alice")
        await asyncio.sleep(0.1)  # the server looks at its files
        with pytest.raises(tw.Refused) as caught:
            async with tw.connect(data, timeout=None):
                raise AssertionError
        assert caught.value.code == "user-not-active"
        connection = tw.connect(data, timeout=None)
        with pytest.raises(tw.Refused):
            await asyncio.to_thread(connection.open)
        assert connection.state == "closed"

    play(scenario)


def test_a_file_that_is_older_than_the_grants_is_told_to_who_listens(
    play: Callable[[Scenario], None], caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario(world: World) -> None:
        server, data, _ = await _served(world)
        UserBook(server).edit(
            "alice", lambda user: replace(user, own_grants=(*user.own_grants, Grant.parse("22")))
        )
        async with tw.connect(data):
            while "your file is older" not in caplog.text:
                await asyncio.sleep(0.01)

    play(scenario)


def test_a_target_that_is_not_there_is_told_by_port(play: Callable[[Scenario], None]) -> None:
    async def scenario(world: World) -> None:
        server = world.enroll("plant")
        await world.serve(server).up()
        with socket.create_server(("127.0.0.1", 0)) as nobody:
            port = nobody.getsockname()[1]
        async with tw.connect(_file(server, HostPort("127.0.0.1", port))) as t:
            assert t.port_error(port) is None
            reader, writer = await asyncio.open_connection(*t.address(port))
            with pytest.raises(ConnectionError):
                if not await reader.read():
                    raise ConnectionResetError
            writer.close()
            error = t.port_error(port)
            assert error is not None and error.code == "target-refused"
            with pytest.raises(KeyError):
                t.port_error(port + 1)

    play(scenario)


def test_a_program_that_stops_waiting_is_left_with_nothing(
    play: Callable[[Scenario], None], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))

    async def scenario(world: World) -> None:
        server = world.enroll("plant")  # and nobody serves it
        connection = tw.connect(_file(server, HostPort("127.0.0.1", 1)), timeout=None)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5), connection:
                raise AssertionError
        assert connection.state == "closed"
        assert list(temporary.iterdir()) == []

    play(scenario)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()


def test_it_goes_through_the_proxy_that_it_is_given(play: Callable[[Scenario], None]) -> None:
    asked: list[bytes] = []

    async def scenario(world: World) -> None:
        async def proxy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            asked.append(await reader.readuntil(b"\r\n\r\n"))
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", world.address.port)
            writer.write(b"HTTP/1.1 200 go ahead\r\n\r\n")
            await asyncio.gather(_pump(reader, far_writer), _pump(far_reader, writer))

        _, data, port = await _served(world)
        async with await asyncio.start_server(proxy, "127.0.0.1", 0) as server:
            url = f"http://me:secret@127.0.0.1:{server.sockets[0].getsockname()[1]}"
            async with tw.connect(data, proxy=url) as t:
                assert await asyncio.to_thread(_says_back, t.address(port), b"hello") == b"hello<end>"
                assert "secret" not in repr(t)
        assert asked[0].startswith(b"CONNECT localhost:%d " % world.address.port)
        assert b"Basic bWU6c2VjcmV0" in asked[0]

    play(scenario)


def test_a_proxy_that_is_none_is_refused_before_anything_is_opened() -> None:
    with pytest.raises(tw.Misuse, match="proxy"):
        tw.connect("alice.zip", proxy="ftp://proxy.test")


def test_a_program_ends_without_closing_and_without_a_word(tmp_path: Path) -> None:
    code = (
        "import sys, tunnel_whisperer as tw, logging\n"
        "t = tw.connect(sys.stdin.buffer.read(), timeout=0).open()\n"
        "try: t.wait_connected(0.3)\n"
        "except tw.Unreachable as exc: print(exc.code, dict(t.ports) != {})\n"
    )

    async def data() -> bytes:
        async with World(tmp_path) as world:
            return _file(world.enroll("plant"), HostPort("127.0.0.1", 5432))

    done = subprocess.run(
        [sys.executable, "-c", code], input=real_run(data()), capture_output=True, timeout=30
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"relay-unreachable True\n", b"")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on Windows")
def test_a_forked_process_ends_by_itself_and_leaves_the_connection_to_its_parent(tmp_path: Path) -> None:
    code = (
        "import os, socket, sys, tunnel_whisperer as tw\n"
        "t = tw.connect(sys.stdin.buffer.read(), timeout=0).open()\n"
        "if os.fork() == 0:\n"
        "    try: t.wait_connected()\n"
        "    except tw.Misuse as exc: print(exc, flush=True)\n"
        "    sys.exit()\n"
        "assert os.wait()[1] == 0\n"
        "socket.create_connection(t.address(5432)).close()\n"
        "print(t.state != 'closed')\n"
    )

    async def data() -> bytes:
        async with World(tmp_path) as world:
            return _file(world.enroll("plant"), HostPort("127.0.0.1", 5432))

    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", code]
    done = subprocess.run(command, input=real_run(data()), capture_output=True, timeout=60)
    assert (done.stdout, done.stderr) == (b"this connection is closed\nTrue\n", b"")


@pytest.mark.skipif(sys.platform == "win32", reason="no signals on Windows")
def test_ctrl_c_ends_the_waiting_and_nothing_is_left(tmp_path: Path) -> None:
    code = (
        "import sys, tunnel_whisperer as tw\n"
        "t = tw.connect(sys.stdin.buffer.read(), timeout=None)\n"
        "try:\n"
        "    print('waiting', flush=True)\n"
        "    t.open()\n"
        "except KeyboardInterrupt: print(t.state)\n"
    )

    async def data() -> bytes:
        async with World(tmp_path) as world:
            return _file(world.enroll("plant"), HostPort("127.0.0.1", 5432))

    (tmp_path / "temporary").mkdir()
    environment = {**os.environ, "TMPDIR": str(tmp_path / "temporary")}
    with subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
    ) as process:
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(real_run(data()))
        process.stdin.close()
        process.stdin = None
        assert process.stdout.readline() == b"waiting\n"
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
    assert (process.returncode, out, err) == (0, b"closed\n", b"")
    assert list((tmp_path / "temporary").iterdir()) == []


def test_a_library_says_nothing_unless_it_is_asked() -> None:
    code = (
        "import logging, tunnel_whisperer as tw; tw.connect\n"
        "for name in ('tw', 'asyncssh'): logging.getLogger(name).error('nobody asked')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
