"""The packet path, and what it relies on inside asyncssh (docs/design/ssh-packet-path.md)."""

from __future__ import annotations

import asyncio
import inspect
import random
import time
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import pytest
from asyncssh import connection as asyncssh_connection
from asyncssh.connection import SSHClientConnection, SSHConnection, SSHServerConnection
from asyncssh.constants import (
    MSG_CHANNEL_DATA,
    MSG_CHANNEL_EOF,
    MSG_CHANNEL_REQUEST,
    MSG_GLOBAL_REQUEST,
    MSG_IGNORE,
    MSG_KEX_LAST,
)
from asyncssh.encryption import Encryption
from asyncssh.packet import Boolean, String, UInt32

from tests.kit.clock import real_run, run
from tests.kit.recorder import Recorder
from tests.ssh.ends import (
    ORIGIN,
    TARGET,
    Door,
    Ends,
    PlainServer,
    joined,
    log_in,
    plain_client_at,
    plain_server,
    stream_to,
)
from tunnel_whisperer.base.errors import PeerFault, TwError
from tunnel_whisperer.ssh import packets
from tunnel_whisperer.ssh.channel import ChannelTransport
from tunnel_whisperer.ssh.gcm import Gcm
from tunnel_whisperer.ssh.packets import PacketPath

MB = 1024 * 1024


# -- what asyncssh must not change under us -------------------------------------------------------

OVERRIDDEN = {
    "_send_kexinit": "(self)",
    "send_newkeys": "(self, k, h)",
    "send_packet": "(self, pkttype, *args, handler)",
    "data_received": "(self, data, datatype)",
    "_finish_recv_packet": "(self, pkttype, seq, _task, is_async)",
    "connection_lost": "(self, exc)",
}
CALLED = {
    "_force_close": "(self, exc)",
    "_send_disconnect": "(self, code, reason, lang)",
    "internal_error": "(self, exc_info, error_logger)",
    "_recv_data": "(self)",
    "_recv_version": "(self)",
    "_recv_pkthdr": "(self)",
    "_recv_packet": "(self)",
    "_update_recv_pktlen": "(self, max_pktsize)",
    "add_channel": "(self, chan)",
    "_make_global_request": "(self, request, *args)",
    "_report_global_response": "(self, result)",
    "send_channel_open_confirmation": "(self, send_chan, recv_chan, recv_window, recv_pktsize, *result_args)",
    "send_channel_open_failure": "(self, send_chan, code, reason, lang)",
    "send_userauth_failure": "(self, partial_success)",
    "create_task": "(self, coro, task_logger)",
    "disconnect": "(self, code, reason, lang)",
    "abort": "(self)",
    "is_closed": "(self)",
}
STATE: dict[str, Any] = {
    "_transport": None,
    "_send_encryption": None,
    "_next_recv_encryption": None,
    "_recv_encryption": None,
    "_send_seq": 0,
    "_recv_seq": 0,
    "_kex_complete": False,
    "_auth_complete": False,
    "_auth_final": False,
    "_rekey_bytes_sent": 0,
    "_inpbuf": b"",
    "_channels": {},
    "_deferred_packets": [],
    "_global_request_waiters": [],
}


def _shape(function: Callable[..., Any]) -> str:
    names = []
    for parameter in inspect.signature(function).parameters.values():
        star = "*" if parameter.kind is parameter.VAR_POSITIONAL else ""
        names.append(star + parameter.name)
    return f"({', '.join(names)})"


def test_asyncssh_is_the_version_that_was_read() -> None:
    assert version("asyncssh") == "2.24.1", "read docs/design/ssh-packet-path.md before an upgrade"


@pytest.mark.parametrize(("name", "shape"), [*OVERRIDDEN.items(), *CALLED.items()])
def test_the_methods_of_asyncssh_are_as_we_know_them(name: str, shape: str) -> None:
    assert _shape(getattr(SSHConnection, name)) == shape


def test_the_server_asks_before_it_lets_a_key_in() -> None:
    assert _shape(SSHServerConnection.validate_public_key) == "(self, username, key_data, msg, signature)"
    assert _shape(SSHServerConnection.reload_config) == "(self)"


def test_the_state_of_asyncssh_is_where_we_look_for_it() -> None:
    async def main() -> None:
        connection = plain_server(PlainServer())
        state = {name: getattr(connection, name) for name in STATE}
        assert state == STATE
        assert connection._max_recv_pktlen == 256 * 1024
        assert connection._recv_handler == connection._recv_version
        assert {"_rekey_bytes", "_rekey_seconds", "_rekey_time"} <= vars(connection).keys()
        connection._cancel_login_timer()

    run(main())


def test_packets_are_dispatched_where_we_hook_in() -> None:
    source = inspect.getsource(SSHConnection._recv_packet)
    assert "self._recv_encryption.decrypt_packet(" in source
    assert "handler = self._channels[recv_chan]" in source
    assert "handler.process_packet(pkttype, seq, packet)" in source
    assert "self._finish_recv_packet(pkttype, seq)" in source
    assert issubclass(Gcm, Encryption) and MSG_KEX_LAST == 49


def test_a_key_exchange_defers_what_we_think_it_defers() -> None:
    source = inspect.getsource(SSHConnection.send_packet)
    assert "self._deferred_packets.append" in source and "self._send_kexinit()" in source
    assert "self._send_deferred_packets()" in inspect.getsource(SSHConnection.send_newkeys)
    assert asyncssh_connection.SSHConnection._packet_handlers is SSHClientConnection._packet_handlers


# -- both ways carry the same -------------------------------------------------------------------------


def _path(pair: Ends) -> tuple[PacketPath, PacketPath]:
    return pair.session._connection, pair.server._connection


@pytest.mark.parametrize("chunk_bytes", [1, 3, 4, 5, 15, 16, 17, 19, 20, 21, 4096])
def test_pieces_of_any_size_carry_the_same(chunk_bytes: int) -> None:
    async def main() -> None:
        async with joined(chunk_bytes=chunk_bytes) as pair:
            transport, left, far, right = await pair.channel()
            sizes = [1, 2, 15, 16, 17, 100, 1000]
            data = [random.Random(n).randbytes(size) for n, size in enumerate(sizes)]
            for piece in data:
                transport.write(piece)
                far.write(piece[::-1])
            transport.write_eof()
            await right.got_eof()
            await left.got(sum(sizes))
            assert right.received == b"".join(data)
            assert left.received == b"".join(piece[::-1] for piece in data)

    run(main())


def test_packets_of_both_ways_keep_their_order() -> None:
    async def main() -> None:
        async with joined() as pair:
            transport, left, _, right = await pair.channel()
            assert right.transport is not None
            right.on_data = right.transport.write
            for number in range(300):
                transport.write(b"%03d" % number)
                if number % 7 == 0:  # asyncssh's way, in between
                    pair.session._connection.send_packet(MSG_IGNORE, String(b"noise"))
                    pair.session._connection.create_task(
                        pair.session._connection._make_global_request(b"keepalive@openssh.com")  # type: ignore[arg-type]
                    )
            await left.got(900)
            assert left.received == b"".join(b"%03d" % number for number in range(300))

    run(main())


def test_sequence_numbers_are_counted_as_asyncssh_counts_them() -> None:
    async def main() -> None:
        async with joined() as pair:
            transport, _, far, right = await pair.channel()
            for _ in range(100):
                transport.write(b"x")
                far.write(b"y" * 70_000)
            await right.got(100)
            await asyncio.sleep(1)
            client, server = _path(pair)
            assert client._send_seq == server._recv_seq > 100
            assert server._send_seq == client._recv_seq > 100

    run(main())


# -- new keys -------------------------------------------------------------------------------------------


def _count_keys(path: PacketPath) -> list[int]:
    """A list that grows with each key exchange from now on."""
    done: list[int] = []
    original = path.send_newkeys

    def send_newkeys(k: bytes, h: bytes) -> None:
        done.append(path._rekey_bytes_sent)
        original(k, h)

    path.send_newkeys = send_newkeys  # type: ignore[method-assign]
    return done


@pytest.mark.parametrize("who", ["client", "server", "both"])
@pytest.mark.parametrize("latency_s", [0.0, 0.02])
def test_new_keys_in_the_middle_of_transfers_both_ways(who: str, latency_s: float) -> None:
    async def main() -> None:
        async with joined(latency_s=latency_s, window_bytes=MB) as pair:
            client, server = _path(pair)
            if who != "server":
                client._rekey_bytes = 300_000
            if who != "client":
                server._rekey_bytes = 310_000
            done = _count_keys(client)
            transport, left, far, right = await pair.channel()
            there, back = random.Random(1).randbytes(3 * MB), random.Random(2).randbytes(3 * MB)
            transport.write(there)
            far.write(back)
            await right.got(len(there))
            await left.got(len(back))
            assert right.received == there and left.received == back
            assert len(done) >= 5
            assert isinstance(client._send_encryption, Gcm) and isinstance(server._recv_encryption, Gcm)

    run(main())


def test_keys_that_are_too_old_are_renewed() -> None:
    async def main() -> None:
        async with joined() as pair:
            client, _ = _path(pair)
            transport, _, _, right = await pair.channel()
            done = _count_keys(client)
            client._rekey_time = time.monotonic() - 1
            transport.write(b"before")
            transport.write(b"after")
            await right.got(11)
            assert right.received == b"beforeafter" and len(done) == 1

    run(main())


def test_channels_are_opened_and_ended_while_keys_are_renewed() -> None:
    async def main() -> None:
        async with joined(latency_s=0.01) as pair:
            client, server = _path(pair)
            client._rekey_bytes = server._rekey_bytes = 2000
            done = _count_keys(client)
            for number in range(30):
                transport, left, far, right = await pair.channel()
                transport.write(b"x" * 100 * number)
                transport.write_eof()
                await right.got_eof()
                far.write(b"y")
                far.write_eof()
                await left.got_lost()
                assert len(right.received) == 100 * number and left.received == b"y"
            assert len(done) > 10

    run(main())


def test_writers_wait_while_keys_are_renewed_instead_of_piling_up() -> None:
    async def main() -> None:
        async with joined(latency_s=0.05, window_bytes=16 * MB) as pair:
            client, _ = _path(pair)
            transport, left, _, right = await pair.channel()
            client._send_kexinit()
            client._kexinit_sent = True
            transport.write(b"x" * MB)
            assert left.paused and transport.get_write_buffer_size() == MB
            assert not client._deferred_packets
            await right.got(MB)

    run(main())


def test_a_peer_that_begins_with_new_keys_and_only_asks_on_loses_the_session(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(packets, "SSH_MAX_DEFERRED", 100)

    async def main() -> None:
        async with joined() as pair:
            client, server = _path(pair)
            server._send_kexinit()  # the server waits for an answer..
            server._kexinit_sent = True
            client._process_kexinit = None  # type: ignore[method-assign, assignment]
            client.process_packet = lambda *_: True  # type: ignore[method-assign]
            for _ in range(150):  # ..and gets questions
                client._seal(bytes((MSG_GLOBAL_REQUEST,)), String(b"what@else") + Boolean(True))
            await asyncio.sleep(1)
            (error,) = pair.door.closed
            assert error is not None and "new keys are begun and not ended" in str(error)

    run(main())


# -- bad peers --------------------------------------------------------------------------------------------


def test_a_byte_changed_on_the_way_ends_the_session() -> None:
    async def main() -> None:
        async with joined() as pair:
            transport, _, _, right = await pair.channel()
            lane = pair.client_end._out
            send = lane._send

            def flip(item: Any) -> None:
                if isinstance(item, bytes):
                    item = item[:-20] + bytes((item[-20] ^ 1,)) + item[-19:]
                send(item)

            lane._send = flip  # type: ignore[method-assign]
            transport.write(b"pay 100 to anna")
            await right.got_lost()
            assert not right.received
            (error,) = pair.door.closed
            assert isinstance(error, PeerFault) and "MAC" in str(error)

    run(main())


@pytest.mark.parametrize("length", [256 * 1024 + 1, 2**31, 2**32 - 1])
def test_a_packet_of_absurd_length_ends_the_session_before_it_is_waited_for(length: int) -> None:
    async def main() -> None:
        async with joined() as pair:
            await pair.channel()
            pair.client_end.write(length.to_bytes(4, "big") + b"x" * 100)
            await asyncio.sleep(1)
            (error,) = pair.door.closed
            assert error is not None and "packet size" in str(error)

    run(main())


@pytest.mark.parametrize("length", [0, 1, 15])
def test_a_packet_of_no_length_ends_the_session(length: int) -> None:
    async def main() -> None:
        async with joined() as pair:
            await pair.channel()
            pair.client_end.write(length.to_bytes(4, "big") + b"x" * 100)
            await asyncio.sleep(1)
            assert len(pair.door.closed) == 1 and pair.door.closed[0] is not None

    run(main())


BAD_PACKETS: dict[str, tuple[bytes, bytes]] = {
    "data longer than the packet": (bytes((MSG_CHANNEL_DATA,)), UInt32(0) + UInt32(1000) + b"short"),
    "data for a channel that is not": (bytes((MSG_CHANNEL_DATA,)), UInt32(77) + String(b"data")),
    "an end for a channel that is not": (bytes((MSG_CHANNEL_EOF,)), UInt32(77)),
    "half a request": (bytes((MSG_CHANNEL_REQUEST,)), UInt32(0) + b"\0\0"),
    "half a number": (bytes((MSG_CHANNEL_EOF,)), b"\0"),
}


@pytest.mark.parametrize("name", BAD_PACKETS)
def test_a_malformed_packet_ends_the_session_and_nothing_else(name: str) -> None:
    async def main() -> None:
        async with joined() as pair:
            _, _, _, right = await pair.channel()
            pair.session._connection._seal(*BAD_PACKETS[name])
            await right.got_lost()
            assert not right.received
            (error,) = pair.door.closed
            assert isinstance(error, TwError)

    run(main())


def test_sealed_noise_of_any_kind_raises_nothing() -> None:
    async def main() -> None:
        for seed in range(60):
            async with joined() as pair:
                await pair.channel()
                noise = random.Random(seed)
                for _ in range(20):
                    kind = noise.choice([*range(1, 5), 7, *range(80, 83), *range(90, 101), 192])
                    body = noise.choice([b"", UInt32(0), UInt32(noise.getrandbits(32))])
                    pair.session._connection._seal(
                        bytes((kind,)), body + noise.randbytes(noise.randrange(40))
                    )
                await asyncio.sleep(1)

    run(main(), timeout_s=1e5)


def test_a_request_that_nobody_knows_is_refused_and_harmless() -> None:
    async def main() -> None:
        async with joined() as pair:
            transport, _, _, right = await pair.channel()
            connection = pair.session._connection
            connection.send_packet(MSG_CHANNEL_REQUEST, UInt32(0), String(b"shell"), Boolean(True))
            connection.send_packet(
                MSG_CHANNEL_REQUEST, UInt32(0), String(b"exec"), Boolean(True), String(b"id")
            )
            connection.send_packet(200, b"unknown")
            transport.write(b"still here")
            await right.got(10)
            assert not pair.door.closed

    run(main())


# -- another implementation at the other end ----------------------------------------------------------------


@pytest.mark.parametrize(
    "cipher",
    ["aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "chacha20-poly1305@openssh.com"],
)
@pytest.mark.parametrize("rekey_bytes", [150_000, 2**30])
def test_asyncssh_as_client_reads_what_we_write(cipher: str, rekey_bytes: int) -> None:
    async def main() -> None:
        door = Door()
        async with plain_client_at(door, encryption_algs=[cipher], rekey_bytes=rekey_bytes) as client:
            data = random.Random(5).randbytes(2 * MB)
            reader, writer = await client.open_connection("127.0.0.1", 5432)
            right = door.opened[0]
            assert isinstance(right, Recorder) and isinstance(right.transport, ChannelTransport)
            right.transport.write(data)
            right.transport.write_eof()
            writer.write(data)
            writer.write_eof()
            assert await reader.read() == data
            await right.got_eof()
            assert right.received == data

    run(main())


@pytest.mark.parametrize(
    "cipher", ["aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "chacha20-poly1305@openssh.com"]
)
@pytest.mark.parametrize("rekey_bytes", [150_000, 2**30])
def test_asyncssh_as_server_reads_what_we_write(cipher: str, rekey_bytes: int) -> None:
    async def main() -> None:
        server = PlainServer()
        open_stream, ends = stream_to(
            lambda: plain_server(server, encryption_algs=[cipher], rekey_bytes=rekey_bytes)
        )
        session = await log_in(open_stream)
        left = Recorder()
        transport, _ = await session.open_channel(TARGET, ORIGIN, lambda: left)
        data = random.Random(6).randbytes(2 * MB)
        transport.write(data)
        transport.write_eof()
        await left.got_eof()
        assert left.received == data
        session.abort()
        ends[1].abort()
        await asyncio.sleep(0.01)

    real_run(main())  # asyncssh reads its configuration in a thread
