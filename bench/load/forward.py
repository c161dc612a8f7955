"""Hand bytes on, with TLS on either side: ``forward.py LISTEN plain|tls PORT plain|tls CERTIFICATE``.

The least that a hop of a tunnel in Python can do: an event loop, TLS, and nothing else.
"""

from __future__ import annotations

import asyncio
import ssl
import sys
from typing import cast

import uvloop

_END = "127.0.0.1"


class Side(asyncio.Protocol):
    """One of the two connections."""

    def __init__(self, port: int, context: ssl.SSLContext | None, other: Side | None = None) -> None:
        self._dial = (port, context)
        self._other = other
        self._transport: asyncio.Transport | None = None
        self._early: list[bytes] = []
        self._task: asyncio.Task[object] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        if self._other is None:
            port, context = self._dial
            self._other = other = Side(port, context, self)
            loop = asyncio.get_running_loop()
            dialling = loop.create_connection(lambda: other, _END, port, ssl=context)
            self._task = loop.create_task(dialling)
        else:
            for data in self._other._early:
                self._transport.write(data)

    def data_received(self, data: bytes) -> None:
        if self._other is None or self._other._transport is None:
            self._early.append(data)
        else:
            self._other._transport.write(data)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._other is not None and self._other._transport is not None:
            self._other._transport.close()


async def main(listen: str, front: str, port: str, back: str, certificate: str) -> None:
    """Until it is stopped."""
    server = client = None
    if front == "tls":
        server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server.load_cert_chain(certificate)
    if back == "tls":
        client = ssl.create_default_context(cafile=certificate)
        client.check_hostname = False
    loop = asyncio.get_running_loop()
    bound = await loop.create_server(lambda: Side(int(port), client), _END, int(listen), ssl=server)
    print("serving", flush=True)
    await bound.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(*sys.argv[1:6]))
