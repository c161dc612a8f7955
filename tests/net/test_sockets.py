from __future__ import annotations

import asyncio
import errno
import socket

import pytest

from tests.kit.clock import real_run, run
from tests.kit.pipe import connect
from tests.kit.recorder import Recorder
from tests.net.loops import LoopFactory, both_loops, tcp_pair
from tunnel_whisperer.base.limits import NOTSENT_LOWAT_BYTES
from tunnel_whisperer.net.sockets import reset, tune


def test_small_writes_leave_at_once_and_the_kernel_queues_little() -> None:
    ours, theirs = tcp_pair()
    with ours, theirs:
        tune(ours)
        assert ours.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        if hasattr(socket, "TCP_NOTSENT_LOWAT"):
            lowat = ours.getsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT)
            assert lowat == NOTSENT_LOWAT_BYTES


@both_loops
def test_the_peer_of_a_reset_socket_sees_a_reset(loop_factory: LoopFactory) -> None:
    async def main() -> None:
        ours, theirs = tcp_pair()
        loop = asyncio.get_running_loop()
        recorder = Recorder()
        transport, _ = await loop.create_connection(lambda: recorder, sock=ours)
        reset(transport)
        with pytest.raises(ConnectionResetError) as caught:
            await loop.sock_recv(theirs, 1)
        assert caught.value.errno == errno.ECONNRESET
        theirs.close()
        await recorder.got_lost()

    real_run(main(), loop_factory=loop_factory)


@both_loops
def test_a_socket_that_is_closed_may_be_reset_again(loop_factory: LoopFactory) -> None:
    async def main() -> None:
        ours, theirs = tcp_pair()
        recorder = Recorder()
        transport, _ = await asyncio.get_running_loop().create_connection(lambda: recorder, sock=ours)
        transport.close()
        await recorder.got_lost()
        reset(transport)
        theirs.close()

    real_run(main(), loop_factory=loop_factory)


@both_loops
def test_a_local_socket_without_resets_is_closed(loop_factory: LoopFactory) -> None:
    async def main() -> None:
        ours, theirs = socket.socketpair()
        theirs.setblocking(False)
        recorder = Recorder()
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_connection(lambda: recorder, sock=ours)
        reset(transport)
        assert await loop.sock_recv(theirs, 1) == b""
        theirs.close()

    real_run(main(), loop_factory=loop_factory)


def test_a_stream_of_ours_is_reset_by_its_abort() -> None:
    async def main() -> None:
        left, right = Recorder(), Recorder()
        a, _ = connect(left, right)
        reset(a)
        await right.got_lost()
        assert right.lost_exc is not None

    run(main())
