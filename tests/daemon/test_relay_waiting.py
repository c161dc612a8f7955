"""What is said while a new relay's name and certificate are waited for."""

from __future__ import annotations

import asyncio
import socket
import ssl
from typing import Any

import pytest

from tests.doctor.doubles import closed_port, listening, tls_peer
from tests.kit.clock import real_run, run
from tests.net.certificates import Certificates
from tunnel_whisperer.base.limits import RELAY_LOOK_S
from tunnel_whisperer.base.values import HostPort
from tunnel_whisperer.daemon.relay_waiting import Seen, look_at_https, look_at_name, wait_for
from tunnel_whisperer.net.link import RelayEndpoint

OURS = ("9.9.9.9", "2001:db8::1")


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


def _name(monkeypatch: pytest.MonkeyPatch, *hosts: str, proxied: bool = False) -> Seen:
    def answer(host: str, port: int, *_: Any, **__: Any) -> list[Any]:
        if not hosts:
            raise socket.gaierror(socket.EAI_NONAME, "not known")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in hosts]

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    return real_run(look_at_name("relay.example.org", OURS, proxied=proxied))


@pytest.mark.parametrize(
    ("hosts", "good", "words"),
    [
        ((), False, "not there yet"),
        (("9.9.9.9",), True, "it is 9.9.9.9"),
        (("9.9.9.9", "2001:DB8:0::1"), True, "it is 2001:db8::1, 9.9.9.9"),
        (("8.8.8.8",), False, "it points elsewhere (to 8.8.8.8)"),
        (("9.9.9.9", "2001:db8::2"), False, "it also points elsewhere (to 2001:db8::2)"),
        (("2001:db8::1",), False, "it has no address but 2001:db8::1"),
        (("0.0.0.0",), False, "DNS answers 0.0.0.0, which is how a filter blocks a name"),
    ],
)
def test_a_name_that_is_missing_is_another_thing_than_one_that_points_elsewhere(
    monkeypatch: pytest.MonkeyPatch, hosts: tuple[str, ...], good: bool, words: str
) -> None:
    seen = _name(monkeypatch, *hosts)
    assert (seen.good, seen.words) == (good, words)


def test_behind_a_proxy_names_are_the_proxys_business(monkeypatch: pytest.MonkeyPatch) -> None:
    assert _name(monkeypatch, proxied=True).good
    assert not _name(monkeypatch, "8.8.8.8", proxied=True).good


async def _wait(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


def _https(certificates: Certificates, context: ssl.SSLContext, ca: str) -> Seen:
    async def main() -> Seen:
        async with listening(_wait, context) as address:
            return await look_at_https(RelayEndpoint(HostPort("127.0.0.1", address.port), ca_pem=ca))

    return real_run(main())


def test_a_certificate_that_is_believed_is_there(certificates: Certificates) -> None:
    seen = _https(certificates, tls_peer(certificates.relay), certificates.relay_ca)
    assert seen == Seen(True, "a certificate issued by relay, Private CA")


def test_a_machine_without_a_certificate_has_none_yet() -> None:
    async def alert(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"\x15\x03\x03\x00\x02\x02\x50")  # fatal, internal_error: as Caddy does
        await reader.read()

    async def main() -> Seen:
        async with listening(alert) as address:
            return await look_at_https(RelayEndpoint(address))

    assert real_run(main()) == Seen(False, "the certificate is not there yet")


def test_somebody_elses_certificate_is_named(certificates: Certificates) -> None:
    seen = _https(certificates, tls_peer(certificates.relay), certificates.stranger_ca)
    assert not seen.good and "it was issued by relay" in seen.words


def test_nobody_there_is_no_answer() -> None:
    async def main() -> Seen:
        return await look_at_https(RelayEndpoint(await closed_port()))

    assert real_run(main()).words == "no answer yet (the connection was refused)"


def test_only_what_is_new_is_told_and_the_wait_ends_when_it_is_good() -> None:
    looks = [Seen(False, "a"), Seen(False, "a"), Seen(False, "b"), Seen(True, "c"), Seen(True, "d")]
    told: list[str] = []

    async def look() -> Seen:
        return looks.pop(0)

    async def main() -> float:
        began = asyncio.get_running_loop().time()
        await wait_for(look, lambda seen: told.append(str(seen)))
        return asyncio.get_running_loop().time() - began

    assert run(main()) == pytest.approx(3 * RELAY_LOOK_S)
    assert told == ["a", "b", "c"] and len(looks) == 1
