"""What the doctor says about real programs: Caddy, squid, Xray, OpenSSH."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.interop import caddy, proxies
from tests.interop.sshd import Sshd
from tests.interop.xray import PATH, UUID, Xray, free_port, missing, server_config
from tests.kit.clock import real_run
from tests.kit.world import World
from tests.ssh.ends import USER_PUBLIC
from tunnel_whisperer.base.errors import TwError
from tunnel_whisperer.base.values import HostPort
from tunnel_whisperer.daemon.network_test import network_of
from tunnel_whisperer.daemon.relay_test import way_of
from tunnel_whisperer.doctor import Report, State, Way, walk_network, walk_way
from tunnel_whisperer.doctor.carry import carry
from tunnel_whisperer.net.link import RelayEndpoint
from tunnel_whisperer.net.proxy import Proxy
from tunnel_whisperer.net.uplink import MODES, UplinkSettings
from tunnel_whisperer.profile import Profile, load_config
from tunnel_whisperer.ssh.authorized_keys import Access

pytestmark = pytest.mark.interop

needs_caddy = pytest.mark.skipif(bool(caddy.missing()), reason=caddy.missing())
needs_squid = pytest.mark.skipif(bool(proxies.missing_squid()), reason=proxies.missing_squid())
needs_xray = pytest.mark.skipif(bool(missing()), reason=missing())
needs_sshd = pytest.mark.skipif(shutil.which("sshd") is None, reason="no OpenSSH server here")


@pytest.fixture(autouse=True)
def no_proxy_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)


def _play(tmp_path: Path, scenario: Callable[[World, Profile], Awaitable[None]]) -> None:
    """A relay, and a server ``plant`` that does not run."""

    async def main() -> None:
        async with World(tmp_path) as world:
            await scenario(world, world.enroll("plant"))

    real_run(main(), timeout_s=60)


def _to(way: Way, **changes: object) -> Way:
    return replace(way, uplink=replace(way.uplink, relay=replace(way.uplink.relay, **changes)))  # type: ignore[arg-type]


def _states(report: Report) -> dict[str, State]:
    return {step.name: step.state for step in report.steps}


def _caddyfile(front: int, backend: int, profile: Profile) -> str:
    """As docs/how-to/behind-proxy.md has it."""
    return f"""
{{
    admin off
    auto_https off
    persist_config off
    skip_install_trust
}}
https://localhost:{front} {{
    tls {profile.relay_cert} {profile.relay_key} {{
        client_auth {{
            mode request
        }}
    }}
    reverse_proxy h2c://127.0.0.1:{backend} {{
        header_up X-Client-Certificate {{http.request.tls.client.certificate_der_base64}}
        flush_interval -1
    }}
}}
"""


@needs_caddy
@pytest.mark.parametrize("http", ["auto", "1.1"])
def test_through_caddy_every_step_is_good(http: str, tmp_path: Path) -> None:
    async def scenario(world: World, server: Profile) -> None:
        front = free_port()
        await world.stop_relay()
        await world.start_relay(behind_proxy=True)
        with caddy.Caddy(_caddyfile(front, world.address.port, world.relay_profile), tmp_path, front):
            address = HostPort("localhost", front)
            way = _to(way_of(server, load_config(server.config)), address=address, http=http)
            report = await walk_way(way, lambda _: None)
            assert report.failure is None, report
            assert {name: state for name, state in _states(report).items() if state is not State.OK} == {
                "port": State.NOTE  # nobody serves
            }
            # And to somebody whom the relay does not know.
            config = load_config(server.config)
            network = network_of(str(address), server, config, silent_s=0.2, environ={})
            seen, findings = await walk_network(network, lambda _: None)
            assert seen.failure is None and findings.versions == ["2", "1.1"]
            assert findings.upload is True and findings.silence is True

    _play(tmp_path, scenario)


@needs_caddy
def test_a_relay_that_is_down_behind_caddy_is_told_from_caddy(tmp_path: Path) -> None:
    async def scenario(world: World, server: Profile) -> None:
        front, nobody = free_port(), free_port()
        with caddy.Caddy(_caddyfile(front, nobody, world.relay_profile), tmp_path, front):
            way = _to(way_of(server, load_config(server.config)), address=HostPort("localhost", front))
            report = await walk_way(way, lambda _: None)
            assert report.steps[-1].name == "mtls" and report.failure is not None
            assert "answers 502" in report.failure.why and "tw relay run" in report.failure.hint

    _play(tmp_path, scenario)


@needs_squid
def test_through_squid_with_the_password_and_without_it(tmp_path: Path) -> None:
    async def scenario(world: World, server: Profile) -> None:
        with proxies.Squid(password=True) as squid:
            way = way_of(server, load_config(server.config))
            known = f"http://{proxies.USER}:{proxies.PASSWORD.replace('@', '%40').replace('/', '%2F')}"
            report = await walk_way(
                _to(way, proxy=Proxy.parse(f"{known}@127.0.0.1:{squid.port}")), lambda _: None
            )
            assert report.failure is None, report
            assert list(_states(report))[:3] == ["dns", "proxy", "tcp"]
            report = await walk_way(
                _to(way, proxy=Proxy.parse(f"http://127.0.0.1:{squid.port}")), lambda _: None
            )
            assert report.steps[-1].name == "tcp" and report.failure is not None
            assert report.failure.code == "proxy-refused" and "password" in report.failure.why

    _play(tmp_path, scenario)


@needs_xray
@needs_sshd
@pytest.mark.parametrize("mode", MODES)
def test_bytes_go_through_xray_to_openssh_and_back(mode: str, tmp_path: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="tw-sshd-") as folder:
        sshd = Sshd(Path(folder), Access(USER_PUBLIC))
        port = free_port()
        endpoint = RelayEndpoint(HostPort("127.0.0.1", port), http="2", plain=True)
        settings = UplinkSettings(endpoint, PATH, uuid.UUID(UUID))

        async def main() -> None:
            found = await carry(settings, mode, HostPort("127.0.0.1", sshd.port))
            assert found.value.identification.startswith("SSH-2.0-OpenSSH")
            found = await carry(settings, mode, HostPort("127.0.0.1", free_port()), timeout_s=5)
            assert not found.value.far_end
            stranger = replace(settings, uuid=uuid.uuid4())
            with pytest.raises(TwError) as caught:
                await carry(stranger, mode, HostPort("127.0.0.1", sshd.port), timeout_s=5)
            assert caught.value.code == "user-not-active"
            await asyncio.sleep(0.05)

        try:
            with Xray(server_config(port), tmp_path, "server"):
                real_run(main(), timeout_s=40)
        finally:
            sshd.process.terminate()
            sshd.process.wait()
