from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.e2e.commands.machines import Machine, Running, free_port
from tests.kit.identities import enrolled

MachineFactory = Callable[[str], Machine]


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[MachineFactory]:
    """Makes computers of this test: ``machine("server")``; the same name gives the same one."""
    made: dict[str, Machine] = {}

    def make(name: str) -> Machine:
        if name not in made:
            made[name] = Machine(tmp_path / name)
        return made[name]

    yield make
    for one in made.values():
        one.clean_up()


@dataclass
class Site:
    """A relay that runs, and a server ``plant`` that is enrolled there."""

    relay: Machine
    server: Machine
    client: Machine
    port: int
    """Of the relay."""
    files: Path
    """What people send each other."""
    running: dict[str, Running] = field(default_factory=dict)

    def serve(self) -> Running:
        """Start the server, and wait until it is published."""
        self.running["server"] = self.server.start("serve", until="connected: published")
        return self.running["server"]

    def add_user(self, name: str, *maps: str) -> Path:
        """Let somebody in; returns the file."""
        bundle = self.files / f"{name}.zip"
        words = [word for text in maps for word in ("-m", text)]
        self.server.ok("create", "user", name, *words, "--out", str(bundle))
        return bundle

    def connect(self, bundle: Path, *words: str) -> Running:
        """Start the client, and wait until it is connected."""
        self.running["client"] = self.client.start("connect", str(bundle), *words, until="connected to")
        return self.running["client"]


@pytest.fixture
def site(machine: MachineFactory, tmp_path: Path) -> Site:
    """See ``Site``; the server is not started. ``tw relay run``, ``join`` and ``enroll`` have tests of their
    own."""
    made = Site(machine("relay"), machine("server"), machine("client"), free_port(), tmp_path)
    enrolled(made.relay.directory, made.server.directory, made.port)
    made.running["relay"] = made.relay.start("relay", "run", until="listening")
    return made


@contextmanager
def _echo() -> Iterator[int]:
    """A service on 127.0.0.1 that sends back what it gets; its port."""
    loop = asyncio.new_event_loop()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()

    server = loop.run_until_complete(asyncio.start_server(talk, "127.0.0.1", 0))
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield server.sockets[0].getsockname()[1]
    finally:

        async def stop() -> None:
            server.close()
            tasks = asyncio.all_tasks() - {asyncio.current_task()}
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

        asyncio.run_coroutine_threadsafe(stop(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@pytest.fixture
def echo() -> Iterator[int]:
    """See ``_echo``."""
    with _echo() as port:
        yield port
