from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tests.doctor.doubles import Talk, buffering_middlebox, listening, tls_peer
from tests.kit.clock import real_run
from tests.kit.world import World
from tests.net.certificates import Certificates
from tunnel_whisperer.base.errors import TwError
from tunnel_whisperer.base.values import HostPort
from tunnel_whisperer.doctor import habits
from tunnel_whisperer.doctor.habits import check_silence, check_upload, check_version
from tunnel_whisperer.net.link import RelayEndpoint


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where an answer is not to come; one that is to come has all the time that it has in life."""
    monkeypatch.setattr(habits, "_ANSWER_S", 1.0)


def _at_a_relay(tmp_path: Path, scenario: Callable[[RelayEndpoint], Awaitable[None]]) -> None:
    """As seen by a stranger who knows its name alone."""

    async def main() -> None:
        async with World(tmp_path) as world:
            await scenario(RelayEndpoint(HostPort("localhost", world.address.port)))

    real_run(main())


@pytest.mark.parametrize("version", ["2", "1.1"])
def test_a_relay_answers_strangers_in_both_versions(version: str, tmp_path: Path) -> None:
    async def scenario(endpoint: RelayEndpoint) -> None:
        assert "gets an answer (HTTP 404)" in (await check_version(endpoint, version)).detail

    _at_a_relay(tmp_path, scenario)


def test_a_relay_answers_before_an_upload_is_complete_and_keeps_silent_connections(tmp_path: Path) -> None:
    async def scenario(endpoint: RelayEndpoint) -> None:
        assert (await check_upload(endpoint)).value is True
        assert (await check_silence(endpoint, 0.1)).value is True

    _at_a_relay(tmp_path, scenario)


@pytest.mark.usefixtures("impatient")
def test_a_middlebox_that_holds_uploads_back_is_found_out_by_a_stranger(tmp_path: Path) -> None:
    async def main() -> None:
        async with World(tmp_path) as world:
            server, relay = world.enroll("plant"), world.relay_profile
            await world.stop_relay()
            await world.start_relay(behind_proxy=True)
            pair = relay.relay_cert, relay.relay_key
            async with buffering_middlebox(pair, server.ca_cert.read_text(), world.address) as box:
                endpoint = RelayEndpoint(HostPort("localhost", box.port))
                with pytest.raises(TwError, match="HTTP/2 is not offered"):
                    await check_version(endpoint, "2")
                await check_version(endpoint, "1.1")
                found = await check_upload(endpoint)
                assert found.value is False and "packet-up" in found.note

    real_run(main())


def _dropping(after: float) -> Talk:
    """Answers the first request, and forgets the connection."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        if after:
            await asyncio.sleep(after)
        else:
            await reader.read(1000)
            await asyncio.sleep(10)

    return talk


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("after", [0, 0.05])
def test_a_connection_that_is_forgotten_or_cut_is_noticed(after: float, certificates: Certificates) -> None:
    async def main() -> None:
        async with listening(_dropping(after), tls_peer(certificates.relay, alpn=("http/1.1",))) as address:
            found = await check_silence(RelayEndpoint(HostPort("localhost", address.port)), 0.3)
        if after:  # it was seen to end: nothing can be asked any more
            assert found.value is False or "end after each answer" in found.detail
        else:
            assert found.value is False and "is gone" in found.detail and "12 s" in found.note

    real_run(main())


def test_a_server_that_ends_each_connection_has_nothing_to_forget(certificates: Certificates) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 404 No\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()

    async def main() -> None:
        async with listening(talk, tls_peer(certificates.relay, alpn=("http/1.1",))) as address:
            found = await check_silence(RelayEndpoint(HostPort("localhost", address.port)), 5)
        assert found.value is True and "end after each answer" in found.detail

    real_run(main())
