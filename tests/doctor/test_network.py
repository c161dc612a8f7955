from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.doctor.doubles import closed_port, forwarding_proxy, listening, proxy_that_answers
from tests.kit.clock import real_run
from tests.kit.world import World
from tunnel_whisperer.base.values import HostPort
from tunnel_whisperer.daemon.network_test import network_of
from tunnel_whisperer.doctor import habits
from tunnel_whisperer.doctor.network import Findings, Network, walk_network
from tunnel_whisperer.doctor.report import Report, State
from tunnel_whisperer.net.link import RelayEndpoint
from tunnel_whisperer.net.proxy import Proxy
from tunnel_whisperer.profile import load_config


async def _walk(network: Network) -> tuple[Report, Findings]:
    return await walk_network(network, lambda _: None)


def _play(tmp_path: Path, scenario: Callable[[World, Network], Awaitable[None]]) -> None:
    """A relay, and a stranger to it."""

    async def main() -> None:
        async with World(tmp_path) as world:
            endpoint = RelayEndpoint(HostPort("localhost", world.address.port))
            await scenario(world, Network(endpoint, silent_s=0.05))

    real_run(main(), timeout_s=30)


def _states(report: Report) -> dict[str, str]:
    return {step.name: step.state.value for step in report.steps}


def test_a_stranger_sees_an_open_network(tmp_path: Path) -> None:
    async def scenario(world: World, network: Network) -> None:
        report, findings = await _walk(network)
        assert report.failure is None
        assert _states(report) == {
            "proxy": "ok", "dns": "ok", "direct": "ok", "tls": "ok", "certificate": "note", "http/2": "ok", "http/1.1": "ok",
            "upload": "ok", "silence": "ok", "xhttp": "skipped",
        }  # fmt: skip
        certificate = report.step("certificate")
        assert certificate is not None and "is localhost, Private CA the relay's?" in certificate.hint
        assert findings.direct and findings.proxied is None and findings.versions == ["2", "1.1"]
        assert findings.upload and findings.silence and not findings.trusted

    _play(tmp_path, scenario)


def test_who_is_known_there_sees_each_mode_as_well(tmp_path: Path) -> None:
    async def scenario(world: World, network: Network) -> None:
        server = world.enroll("plant")
        own = network_of("", server, load_config(server.config), silent_s=0, environ={})
        report, findings = await _walk(own)
        assert report.failure is None and findings.trusted
        assert {step.state for step in report.steps if step.name.startswith("xhttp ")} == {State.OK}
        assert _states(report)["silence"] == "skipped" and findings.silence is None

    _play(tmp_path, scenario)


def test_through_the_proxy_alone(tmp_path: Path) -> None:
    async def scenario(world: World, network: Network) -> None:
        async with listening(forwarding_proxy(world.address)) as address:
            # A name that only the proxy knows.
            endpoint = RelayEndpoint(HostPort("relay.invalid", 443), proxy=Proxy.parse(f"http://{address}"))
            report, findings = await _walk(replace(network, endpoint=endpoint))
        states = _states(report)
        assert report.failure is None and findings.proxied and not findings.direct
        assert (states["dns"], states["through proxy"], states["http/2"]) == ("note", "ok", "ok")
        assert "direct" not in states

    _play(tmp_path, scenario)


def test_a_proxy_that_refuses_where_the_way_is_free_without_it(tmp_path: Path) -> None:
    async def scenario(world: World, network: Network) -> None:
        async with listening(proxy_that_answers(b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n")) as address:
            proxy = Proxy.parse(f"http://{address}")
            report, findings = await _walk(replace(network, endpoint=replace(network.endpoint, proxy=proxy)))
        way_out = report.step("way out")
        assert way_out is not None and "tw proxy clear" in way_out.hint
        assert report.failure is None and findings.proxied is False and findings.direct

    _play(tmp_path, scenario)


def test_neither_way_out(tmp_path: Path) -> None:
    async def scenario(world: World, network: Network) -> None:
        nowhere = await closed_port()
        endpoint = RelayEndpoint(nowhere, proxy=Proxy.parse(f"http://{await closed_port()}"))
        report, findings = await _walk(replace(network, endpoint=endpoint))
        assert report.failure is not None and report.steps[-1].name == "proxy"
        assert _states(report)["direct"] == "note" and findings.proxied is False
        report, findings = await _walk(replace(network, endpoint=RelayEndpoint(nowhere)))
        assert report.failure is not None and report.steps[-1].name == "direct" and not findings.direct

    _play(tmp_path, scenario)


def test_a_certificate_that_is_not_the_pinned_ones_ends_it(tmp_path: Path) -> None:
    async def scenario(world: World, network: Network) -> None:
        other = world.enroll("plant").ca_cert.read_text()
        report, _ = await _walk(replace(network, endpoint=replace(network.endpoint, ca_pem=other)))
        assert report.failure is not None and report.steps[-1].name == "certificate"

    _play(tmp_path, scenario)


def test_what_answers_no_http_ends_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(habits, "_ANSWER_S", 0.0)

    async def scenario(world: World, network: Network) -> None:
        report, findings = await _walk(network)
        assert report.failure is not None and report.failure.code == "timeout" and findings.versions == []

    _play(tmp_path, scenario)
