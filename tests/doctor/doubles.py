"""What may be in the way or at the end of it, on loopback: proxies, impostors, middleboxes."""

from __future__ import annotations

import asyncio
import ssl
import urllib.parse
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from tunnel_whisperer.base.values import HostPort

__all__ = [
    "buffering_middlebox",
    "closed_port",
    "forwarding_proxy",
    "listening",
    "proxy_that_answers",
    "tls_peer",
]

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def listening(talk: Talk, context: ssl.SSLContext | None = None) -> AsyncIterator[HostPort]:
    """A port of 127.0.0.1 behind which ``talk`` speaks."""
    writers: list[asyncio.StreamWriter] = []
    tasks: set[asyncio.Task[None]] = set()

    async def guarded(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await talk(reader, writer)
        except (OSError, EOFError):
            pass
        except asyncio.CancelledError:  # of the streams' own callback, which would complain
            pass
        finally:
            writer.close()
            tasks.discard(task)

    server = await asyncio.start_server(guarded, "127.0.0.1", 0, ssl=context)
    try:
        yield HostPort("127.0.0.1", server.sockets[0].getsockname()[1])
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        for writer in writers:
            writer.transport.abort()
        await asyncio.sleep(0.05)


async def closed_port() -> HostPort:
    """A port on which nobody listens."""
    server = await asyncio.start_server(_silent, "127.0.0.1", 0)
    port: int = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    return HostPort("127.0.0.1", port)


async def _silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


def proxy_that_answers(reply: bytes) -> Talk:
    """An HTTP proxy that says this to whoever asks, whatever for."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(reply)
        await writer.drain()

    return talk


def forwarding_proxy(to: HostPort) -> Talk:
    """An HTTP proxy that connects everybody to ``to``."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        there, back = await asyncio.open_connection(to.host, to.port)
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(_pump(reader, back))
                group.create_task(_pump(there, writer))
        finally:
            back.transport.abort()

    return talk


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    try:
        while data := await source.read(65536):
            sink.write(data)
            await sink.drain()
        sink.write_eof()
    except (OSError, RuntimeError):  # the other end went first
        sink.transport.abort()


def tls_peer(
    pair: tuple[Path, Path], *, newest: ssl.TLSVersion | None = None, alpn: tuple[str, ...] = ("h2",)
) -> ssl.SSLContext:
    """Somebody who speaks TLS with this certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*pair)
    context.set_alpn_protocols(list(alpn))
    if newest is not None:
        context.maximum_version = newest
    return context


@asynccontextmanager
async def buffering_middlebox(
    pair: tuple[Path, Path], client_ca: str, behind: HostPort
) -> AsyncIterator[HostPort]:
    """Ends TLS, speaks HTTP/1.1 and nothing newer, and hands a request on when it has all of it.

    Args:
        behind: a relay that takes the client certificate from a header.
    """
    context = tls_peer(pair, alpn=("http/1.1",))
    context.verify_mode = ssl.CERT_OPTIONAL
    context.load_verify_locations(cadata=client_ca)
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        der = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        shown = urllib.parse.quote(ssl.DER_cert_to_PEM_cert(der)) if der else ""
        there, back = await asyncio.open_connection(behind.host, behind.port)
        try:
            while True:
                request = await _whole_request(reader, shown)
                back.write(request)
                # One request at a time, its answer as it comes: downloads are not held back.
                await _copy_answer(there, writer)
        finally:
            back.transport.abort()

    async with listening(talk, context) as address:
        yield address


async def _whole_request(reader: asyncio.StreamReader, certificate: str) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    body = b""
    length = _field(head, b"content-length")
    if length is not None:
        body = await reader.readexactly(int(length))
    elif _field(head, b"transfer-encoding") is not None:
        while True:
            line = await reader.readuntil(b"\r\n")
            size = int(line.split(b";")[0], 16)
            body += line + await reader.readexactly(size + 2)
            if size == 0:
                break
    return head[:-2] + f"X-Client-Certificate: {certificate}\r\n\r\n".encode() + body


async def _copy_answer(there: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    head = await there.readuntil(b"\r\n\r\n")
    writer.write(head)
    length = _field(head, b"content-length")
    if length is not None:
        writer.write(await there.readexactly(int(length)))
    elif _field(head, b"transfer-encoding") is not None:
        size = -1
        while size:
            line = await there.readuntil(b"\r\n")
            size = int(line.split(b";")[0], 16)
            writer.write(line + await there.readexactly(size + 2))
            await writer.drain()
    await writer.drain()


def _field(head: bytes, name: bytes) -> bytes | None:
    for line in head.split(b"\r\n")[1:]:
        key, _, value = line.partition(b":")
        if key.lower() == name:
            return value.strip()
    return None
