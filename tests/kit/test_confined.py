"""Nothing gets out."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import threading

import pytest

from tests.kit.clock import real_run
from tests.kit.confined import confined


def test_nothing_is_dialled_listened_on_or_started_and_afterwards_all_is_as_before() -> None:
    with confined() as tried, socket.socket() as sock:
        with pytest.raises(ConnectionRefusedError):
            sock.connect(("127.0.0.1", 9))
        with pytest.raises(OSError, match="no network"):
            sock.bind(("127.0.0.1", 0))
        with pytest.raises(socket.gaierror):
            socket.getaddrinfo("relay.test", 443)
        with pytest.raises(FileNotFoundError):
            subprocess.run([sys.executable, "-c", ""], check=False)
        assert [each.partition(" ")[0] for each in tried] == [
            "socket.connect",
            "socket.bind",
            "socket.getaddrinfo",
            "subprocess.Popen",
        ]
    assert subprocess.run([sys.executable, "-c", ""], check=False).returncode == 0


def test_neither_by_a_loop_nor_by_a_thread() -> None:
    async def main() -> None:
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", 9)
        with pytest.raises(FileNotFoundError):
            await asyncio.create_subprocess_exec(sys.executable, "-c", "")

    def aside() -> None:
        with pytest.raises(socket.gaierror):
            socket.gethostbyname("relay.test")

    with confined() as tried:
        real_run(main())
        thread = threading.Thread(target=aside)
        thread.start()
        thread.join()
    assert len(tried) == 3
