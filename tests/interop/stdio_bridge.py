"""Standard input and output joined to a stream through the relay: a ProxyCommand for OpenSSH.

stdio_bridge.py DIRECTORY       uses the client identity there, as tw connect would; carries bytes only
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any, cast

from tunnel_whisperer.base.values import HostPort
from tunnel_whisperer.daemon.uplinks import uplink_settings
from tunnel_whisperer.net.uplink import Uplink
from tunnel_whisperer.profile import Profile, load_config


class _Out(asyncio.Protocol):
    """From the relay to standard output."""

    def __init__(self, out: asyncio.WriteTransport, over: asyncio.Event) -> None:
        self._out = out
        self._over = over

    def data_received(self, data: bytes) -> None:
        self._out.write(data)

    def eof_received(self) -> bool:
        self._over.set()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._over.set()


class _In(asyncio.Protocol):
    """From standard input to the relay."""

    def __init__(self, stream: asyncio.Transport) -> None:
        self._stream = stream

    def data_received(self, data: bytes) -> None:
        self._stream.write(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stream.close()


class _Writer(asyncio.BaseProtocol):
    def connection_lost(self, exc: Exception | None) -> None:
        pass


async def main(directory: Path) -> None:
    profile = Profile(directory)
    config = load_config(profile.config)
    loop = asyncio.get_running_loop()
    over = asyncio.Event()
    out, _ = await loop.connect_write_pipe(_Writer, cast(Any, sys.stdout.buffer))
    server = HostPort("127.0.0.1", config.client.server_ssh_port)
    stream, _ = await Uplink(uplink_settings(profile, config)).open(server, lambda: _Out(out, over))
    await loop.connect_read_pipe(lambda: _In(stream), sys.stdin.buffer)
    await over.wait()
    stream.abort()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
