from __future__ import annotations

import asyncio
import errno
import socket

import pytest

from tests.kit.clock import real_run
from tests.kit.recorder import Recorder
from tests.net.loops import LoopFactory, both_loops
from tunnel_whisperer.base.errors import Misuse
from tunnel_whisperer.base.values import HostPort
from tunnel_whisperer.net.listen import bind_failure, listen_local


@both_loops
def test_a_port_is_picked_and_accepts(loop_factory: LoopFactory) -> None:
    async def main() -> None:
        recorder = Recorder()
        listener = await listen_local(HostPort("127.0.0.1", 0), lambda: recorder)
        bound = listener.bound_address
        assert bound.host == "127.0.0.1" and bound.port
        client = socket.create_connection((bound.host, bound.port))
        client.sendall(b"hello")
        await recorder.got(5)
        await listener.close()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((bound.host, bound.port))
        client.sendall(b" again")  # what was accepted lives on
        await recorder.got(11)
        client.close()
        await recorder.got_eof()
        assert recorder.transport is not None
        recorder.transport.close()
        await recorder.got_lost()

    real_run(main(), loop_factory=loop_factory)


@both_loops
def test_a_port_that_is_taken_is_named(loop_factory: LoopFactory) -> None:
    async def main() -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            address = HostPort("127.0.0.1", taken.getsockname()[1])
            with pytest.raises(Misuse) as caught:
                await listen_local(address, asyncio.Protocol)
        assert caught.value.code == "port-in-use"
        assert caught.value.where == str(address)
        assert caught.value.hint

    real_run(main(), loop_factory=loop_factory)


@both_loops
@pytest.mark.parametrize("host", ["192.0.2.1", "no-such-name.invalid"])
def test_an_address_that_is_not_ours_is_named(loop_factory: LoopFactory, host: str) -> None:
    async def main() -> None:
        with pytest.raises(Misuse) as caught:
            await listen_local(HostPort(host, 0), asyncio.Protocol)
        assert caught.value.code == "bad-argument"
        assert caught.value.why == "this machine has no such address"

    real_run(main(), loop_factory=loop_factory)


@pytest.mark.parametrize(
    ("exc", "code", "words"),
    [
        (OSError(errno.EADDRINUSE, "in use"), "port-in-use", "another program"),
        (OSError(errno.EACCES, "denied"), "bad-argument", "does not let us"),
        (OSError(errno.EPERM, "denied"), "bad-argument", "does not let us"),
        (OSError(errno.EADDRNOTAVAIL, "not there"), "bad-argument", "no such address"),
        (socket.gaierror(socket.EAI_NONAME, "unknown"), "bad-argument", "no such address"),
        (UnicodeError("label too long"), "bad-argument", "no such address"),
        (OSError(errno.EMFILE, "Too many open files"), "bad-argument", "Too many open files"),
        (OSError("odd"), "bad-argument", "odd"),
    ],
)
def test_each_failure_has_its_words(exc: Exception, code: str, words: str) -> None:
    error = bind_failure(exc, HostPort("127.0.0.1", 443))
    assert error.code == code
    assert words in error.why
    assert error.where == "127.0.0.1:443"
