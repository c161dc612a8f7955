from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.doctor.doubles import Talk, listening, tls_peer
from tests.kit.clock import real_run
from tests.kit.world import World
from tests.net.certificates import Certificates
from tunnel_whisperer.base.errors import TwError
from tunnel_whisperer.base.values import HostPort
from tunnel_whisperer.daemon.uplinks import uplink_settings
from tunnel_whisperer.doctor import web
from tunnel_whisperer.doctor.report import Found
from tunnel_whisperer.doctor.web import check_http, check_mtls
from tunnel_whisperer.net.link import RelayEndpoint
from tunnel_whisperer.profile import load_config


def _at_a_relay(tmp_path: Path, scenario: Callable[[RelayEndpoint, World], Awaitable[None]]) -> None:
    async def main() -> None:
        async with World(tmp_path) as world:
            profile = world.enroll("plant")
            await scenario(uplink_settings(profile, load_config(profile.config)).relay, world)

    real_run(main())


def test_a_relay_takes_the_certificate_and_speaks_http_2(tmp_path: Path) -> None:
    async def scenario(endpoint: RelayEndpoint, world: World) -> None:
        found = await check_mtls(endpoint)
        assert found.detail == "our client certificate is accepted (HTTP 404)"
        spoken = await check_http(found.value, endpoint)
        assert (spoken.value, spoken.note) == ("2", "")
        found.value.abort()

    _at_a_relay(tmp_path, scenario)


def test_http_1_that_was_asked_for_is_no_news_and_http_1_that_was_not_is(tmp_path: Path) -> None:
    async def scenario(endpoint: RelayEndpoint, world: World) -> None:
        found = await check_mtls(replace(endpoint, http="1.1"))
        assert (await check_http(found.value, replace(endpoint, http="1.1"))).note == ""
        assert "HTTP/2 is not offered" in (await check_http(found.value, endpoint)).note
        found.value.abort()

    _at_a_relay(tmp_path, scenario)


def test_without_a_certificate_a_visitor_is_answered(tmp_path: Path) -> None:
    async def scenario(endpoint: RelayEndpoint, world: World) -> None:
        found = await check_mtls(replace(endpoint, certificate=None, key=None))
        assert found.detail == "visitors are answered (HTTP 404)"
        found.value.abort()

    _at_a_relay(tmp_path, scenario)


def test_a_certificate_that_no_server_of_the_relay_issued_is_refused(
    tmp_path: Path, certificates: Certificates
) -> None:
    async def scenario(endpoint: RelayEndpoint, world: World) -> None:
        certificate, key = certificates.unknown
        with pytest.raises(TwError) as caught:
            await check_mtls(replace(endpoint, certificate=certificate, key=key))
        assert caught.value.code == "certificate-refused"

    _at_a_relay(tmp_path, scenario)


def _answering(reply: bytes, *, then_silent: bool = True) -> Talk:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(reply)
        await writer.drain()
        if then_silent:
            await reader.read()

    return talk


def _ask(certificates: Certificates, talk: Talk) -> TwError | str:
    async def main() -> TwError | str:
        async with listening(talk, tls_peer(certificates.relay, alpn=("http/1.1",))) as address:
            endpoint = RelayEndpoint(HostPort("127.0.0.1", address.port), ca_pem=certificates.relay_ca)
            try:
                found = await check_mtls(endpoint)
            except TwError as exc:
                return exc
            spoken: Found[str] = await check_http(found.value, endpoint)
            found.value.abort()
            return spoken.detail

    return real_run(main())


@pytest.mark.parametrize(("status", "hint"), [(502, "tw relay run up behind it"), (407, "tw proxy set")])
def test_an_answer_of_somebody_in_between_says_whose_it_is(
    status: int, hint: str, certificates: Certificates
) -> None:
    error = _ask(certificates, _answering(b"HTTP/1.1 %d No\r\nContent-Length: 0\r\n\r\n" % status))
    assert isinstance(error, TwError) and hint in error.hint and str(status) in error.why


def test_a_server_that_never_answers_is_given_up(
    certificates: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web, "STREAM_ANSWER_TIMEOUT_S", 0.1)
    error = _ask(certificates, _answering(b""))
    assert isinstance(error, TwError) and error.code == "timeout"


def test_one_request_per_connection_is_enough(certificates: Certificates) -> None:
    reply = b"HTTP/1.1 404 No\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
    assert _ask(certificates, _answering(reply, then_silent=False)) == "HTTP/1.1, one request per connection"


def test_a_body_in_the_answer_is_read_and_thrown_away(certificates: Certificates) -> None:
    reply = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
    detail = _ask(certificates, _answering(reply * 2))
    assert isinstance(detail, TwError) or detail.startswith("HTTP/1.1")
