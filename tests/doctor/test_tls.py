from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

import pytest

from tests.doctor.doubles import closed_port, listening, tls_peer
from tests.kit.clock import real_run
from tests.net.certificates import Certificates
from tunnel_whisperer.base.errors import Unreachable
from tunnel_whisperer.base.values import HostPort
from tunnel_whisperer.doctor.peer import Peer
from tunnel_whisperer.doctor.tls import Shown, check_certificate, check_tls
from tunnel_whisperer.net.link import RelayEndpoint
from tunnel_whisperer.pki import issue_server, make_ca


async def _wait(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


def _endpoint(address: HostPort, ca: str, name: str = "127.0.0.1") -> RelayEndpoint:
    return RelayEndpoint(HostPort(name, address.port), ca_pem=ca)


def test_version_issuer_and_http_are_seen_before_anybody_is_believed(certificates: Certificates) -> None:
    async def main() -> None:
        async with listening(_wait, tls_peer(certificates.relay)) as address:
            found = await check_tls(_endpoint(address, certificates.stranger_ca))
        assert (found.value.version, found.value.alpn, found.note) == ("TLSv1.3", "h2", "")
        assert "issued by relay" in found.detail

    real_run(main())


def test_what_speaks_an_older_tls_is_no_relay_and_is_named(certificates: Certificates) -> None:
    async def main() -> None:
        context = tls_peer(certificates.relay, newest=ssl.TLSVersion.TLSv1_2)
        async with listening(_wait, context) as address:
            with pytest.raises(Unreachable) as caught:
                await check_tls(_endpoint(address, certificates.relay_ca))
        assert caught.value.code == "relay-tls-failed"
        assert caught.value.why.startswith("TLSv1.2 is spoken here, by somebody with a certificate of relay")

    real_run(main())


def _inspector(directory: Path) -> tuple[tuple[Path, Path], str]:
    ca = make_ca("ACME TLS Inspection CA")
    pair = directory / "box.crt", directory / "box.key"
    for path, text in zip(pair, issue_server(ca, ["127.0.0.1", "localhost"]), strict=True):
        path.write_text(text)
    return pair, ca.cert_pem


def test_a_middlebox_is_named_and_its_certificate_refused(certificates: Certificates, tmp_path: Path) -> None:
    async def main() -> None:
        pair, _ = _inspector(tmp_path)
        async with listening(_wait, tls_peer(pair)) as address:
            endpoint = _endpoint(address, certificates.relay_ca)
            found = await check_tls(endpoint)
            assert "exempted from inspection" in found.note
            with pytest.raises(Unreachable) as caught:
                await check_certificate(endpoint, found.value)
        assert "ACME TLS Inspection CA" in caught.value.why
        assert "something opens TLS on the way" in caught.value.hint

    real_run(main())


def test_a_relay_with_a_ca_of_its_own_that_nobody_gave_us_says_so(certificates: Certificates) -> None:
    async def main() -> None:
        async with listening(_wait, tls_peer(certificates.relay)) as address:
            endpoint = _endpoint(address, "")
            shown = (await check_tls(endpoint)).value
            with pytest.raises(Unreachable) as caught:
                await check_certificate(endpoint, shown)
        assert "has a CA of its own" in caught.value.hint

    real_run(main())


def test_another_name_than_the_certificates_asks_for_the_name(
    certificates: Certificates, tmp_path: Path
) -> None:
    async def main() -> None:
        ca = make_ca("relay")
        pair = tmp_path / "x.crt", tmp_path / "x.key"
        for path, text in zip(pair, issue_server(ca, ["relay.test"]), strict=True):
            path.write_text(text)
        async with listening(_wait, tls_peer(pair)) as address:
            endpoint = _endpoint(address, ca.cert_pem, "localhost")
            with pytest.raises(Unreachable) as caught:
                await check_certificate(endpoint, (await check_tls(endpoint)).value)
        assert caught.value.hint == "is localhost the relay's name, as its admin knows it?"

    real_run(main())


def test_the_right_certificate_says_until_when(certificates: Certificates) -> None:
    async def main() -> None:
        async with listening(_wait, tls_peer(certificates.relay)) as address:
            endpoint = _endpoint(address, certificates.relay_ca)
            shown = (await check_tls(endpoint)).value
            found = await check_certificate(endpoint, shown)
            assert "which is pinned, valid until 20" in found.detail and found.note == ""
            soon = Shown(
                shown.version,
                shown.alpn,
                Peer("relay", shown.peer.ends and shown.peer.ends.replace(year=2000)),
            )
            assert "is it renewed?" in (await check_certificate(endpoint, soon)).note
            unreadable = Shown(shown.version, shown.alpn, Peer("relay", None))
            assert "valid until" not in (await check_certificate(endpoint, unreadable)).detail

    real_run(main())


def test_what_answers_no_tls_and_a_port_that_is_closed_keep_their_own_words(
    certificates: Certificates,
) -> None:
    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"SSH-2.0-OpenSSH_9.2\r\n")
        await writer.drain()
        await reader.read()

    async def main() -> None:
        async with listening(plain) as address:
            with pytest.raises(Unreachable) as caught:
                await check_tls(_endpoint(address, ""))
        assert caught.value.code == "relay-tls-failed"
        with pytest.raises(Unreachable) as caught:
            await check_certificate(
                _endpoint(await closed_port(), certificates.relay_ca), Shown("TLSv1.3", "h2", Peer("", None))
            )
        assert caught.value.code == "relay-unreachable"

    real_run(main())
