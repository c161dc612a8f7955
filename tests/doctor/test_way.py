"""What stands in the way, one thing at a time, and which step it is that says so."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.doctor.doubles import buffering_middlebox, closed_port, listening, proxy_that_answers
from tests.kit.clock import real_run
from tests.kit.world import World
from tunnel_whisperer.base.values import HostPort
from tunnel_whisperer.daemon.relay_test import way_of
from tunnel_whisperer.doctor import carry
from tunnel_whisperer.doctor.report import Report, State
from tunnel_whisperer.doctor.way import Way, walk_way
from tunnel_whisperer.net import uplink
from tunnel_whisperer.net.proxy import Proxy
from tunnel_whisperer.pki import make_ca, new_ssh_key
from tunnel_whisperer.profile import Profile, load_config

Change = Callable[[Way], Way]

BELOW = ["dns", "tcp", "tls", "certificate", "mtls", "http"]
MODES = ["xhttp stream-one", "xhttp stream-up", "xhttp packet-up"]


async def _walk(way: Way) -> Report:
    return await walk_way(way, lambda _: None)


def _names(report: Report) -> list[str]:
    return [step.name for step in report.steps]


def _play(tmp_path: Path, scenario: Callable[[World, Way], Awaitable[None]], *, serve: bool = True) -> None:
    """A client ``alice`` of a server, which runs or does not."""

    async def main() -> None:
        async with World(tmp_path) as world:
            server = world.enroll("plant")
            if serve:
                await world.serve(server).up()
            profile = world.let_in(server, "alice", HostPort("127.0.0.1", 5432))
            await scenario(world, way_of(profile, load_config(profile.config)))

    real_run(main(), timeout_s=30)


def _relay(way: Way, **changes: object) -> Way:
    return replace(way, uplink=replace(way.uplink, relay=replace(way.uplink.relay, **changes)))  # type: ignore[arg-type]


def _ends_at(step: str, code: str, change: Change, tmp_path: Path, *, serve: bool = True) -> Report:
    """Walk; the last step told is this one, it failed, with this code and something to try."""
    reports = []

    async def scenario(world: World, way: Way) -> None:
        report = await _walk(change(way))
        last = report.steps[-1]
        assert (last.name, last.state, last.code) == (step, State.FAILED, code), report.steps
        assert last.hint
        assert report.failure is not None and report.failure.code == code
        reports.append(report)

    _play(tmp_path, scenario, serve=serve)
    return reports[0]


def test_a_client_whose_way_is_free_goes_all_of_it(tmp_path: Path) -> None:
    async def scenario(world: World, way: Way) -> None:
        report = await _walk(way)
        assert report.failure is None
        assert _names(report) == [*BELOW, *MODES, "server", "ssh"]
        assert {step.state for step in report.steps} == {State.OK}
        assert all(step.ms is not None for step in report.steps)

    _play(tmp_path, scenario)


def test_a_wrong_name(tmp_path: Path) -> None:
    gone = HostPort("no-such-relay.invalid", 443)
    report = _ends_at("dns", "dns-failed", lambda way: _relay(way, address=gone), tmp_path)
    assert _names(report) == ["dns"]


def test_a_closed_port(tmp_path: Path) -> None:
    async def scenario(world: World, way: Way) -> None:
        report = await _walk(_relay(way, address=await closed_port()))
        assert report.steps[-1].name == "tcp" and report.steps[-1].code == "relay-unreachable"

    _play(tmp_path, scenario)


def test_a_proxy_that_wants_a_password(tmp_path: Path) -> None:
    async def scenario(world: World, way: Way) -> None:
        async with listening(proxy_that_answers(b"HTTP/1.1 407 No\r\nContent-Length: 0\r\n\r\n")) as address:
            report = await _walk(_relay(way, proxy=Proxy.parse(f"http://{address}")))
        assert _names(report) == ["dns", "proxy", "tcp"]
        assert report.steps[1].state is State.OK
        assert report.steps[-1].code == "proxy-refused"

    _play(tmp_path, scenario)


def test_a_proxy_that_is_not_there(tmp_path: Path) -> None:
    async def scenario(world: World, way: Way) -> None:
        report = await _walk(_relay(way, proxy=Proxy.parse(f"socks5://{await closed_port()}")))
        assert report.steps[-1].name == "proxy" and report.steps[-1].code == "relay-unreachable"

    _play(tmp_path, scenario)


def test_a_relay_with_another_ca(tmp_path: Path) -> None:
    other = make_ca("other").cert_pem
    report = _ends_at("certificate", "relay-tls-failed", lambda way: _relay(way, ca_pem=other), tmp_path)
    assert "it was issued by localhost" in report.steps[-1].detail


def test_a_wrong_tenant(tmp_path: Path) -> None:
    async def scenario(world: World, way: Way) -> None:
        world.enroll("mine")
        report = await _walk(replace(way, uplink=replace(way.uplink, path="/tw/mine")))
        assert _names(report) == [*BELOW, *MODES]
        assert {step.code for step in report.steps[-3:]} == {"relay-refused"}
        assert report.failure is not None and "404" in report.failure.why

    _play(tmp_path, scenario)


def test_a_server_that_is_not_there(tmp_path: Path) -> None:
    report = _ends_at("server", "server-not-there", lambda way: way, tmp_path, serve=False)
    assert "tw serve" in report.steps[-1].hint


def test_a_wrong_host_key(tmp_path: Path) -> None:
    def change(way: Way) -> Way:
        return replace(way, account=replace(way.account, host_key=new_ssh_key()[1]))

    _ends_at("ssh", "host-key-mismatch", change, tmp_path)


def test_a_user_who_is_not_let_in_any_more(tmp_path: Path) -> None:
    def change(way: Way) -> Way:
        return replace(way, account=replace(way.account, private_key=new_ssh_key()[0].encode()))

    _ends_at("ssh", "user-not-active", change, tmp_path)


def test_a_client_that_runs_keeps_its_session(tmp_path: Path) -> None:
    async def scenario(world: World, way: Way) -> None:
        report = await _walk(replace(way, runs="tw connect (process 7)"))
        last = report.steps[-1]
        assert (last.name, last.state) == ("ssh", State.SKIPPED)
        assert "tw connect (process 7)" in last.detail
        assert report.failure is None

    _play(tmp_path, scenario)


# -- a middlebox that ends TLS, speaks HTTP/1.1 and holds each request back until it has all of it --------


def _behind_a_middlebox(
    tmp_path: Path, scenario: Callable[[Way], Awaitable[None]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uplink, "STREAM_ANSWER_TIMEOUT_S", 2.0)  # a busy machine answers in that

    async def main() -> None:
        async with World(tmp_path) as world:
            server = world.enroll("plant")
            relay = world.relay_profile
            pair = relay.relay_cert, relay.relay_key
            await world.stop_relay()
            await world.start_relay(behind_proxy=True)
            async with buffering_middlebox(pair, server.ca_cert.read_text(), world.address) as box:
                way = way_of(server, load_config(server.config))
                await scenario(_relay(way, address=HostPort("localhost", box.port)))

    real_run(main(), timeout_s=30)


def test_only_the_mode_of_short_requests_gets_through_a_buffering_middlebox(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario(way: Way) -> None:
        report = await _walk(way)
        http, one, up, packets = (report.step(name) for name in ("http", *MODES))
        assert http is not None and "HTTP/2 is not offered" in http.hint
        assert one is not None and (one.state, one.code) == (State.NOTE, "timeout")
        assert up is not None and up.state is State.NOTE
        assert packets is not None and packets.state is State.OK
        assert report.failure is None

    _behind_a_middlebox(tmp_path, scenario, monkeypatch)


def test_a_mode_that_was_chosen_and_does_not_get_through_points_at_those_that_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario(way: Way) -> None:
        report = await _walk(replace(way, uplink=replace(way.uplink, transport="stream-one")))
        assert report.failure is not None
        assert (
            "stream-one does not get through" in report.failure.why and "packet-up does" in report.failure.why
        )
        assert report.failure.hint == "tw config set xray.transport auto"

    _behind_a_middlebox(tmp_path, scenario, monkeypatch)


def test_when_no_mode_gets_through_the_last_ones_words_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(carry, "_IDENTIFICATION", b"")
    monkeypatch.setattr(carry.carry, "__kwdefaults__", {"timeout_s": 1.0})

    async def scenario(world: World, way: Way) -> None:
        report = await _walk(way)
        assert {step.state for step in report.steps[-3:]} == {State.FAILED}
        assert report.failure is not None and report.failure.code == "timeout"

    _play(tmp_path, scenario)


# -- servers ---------------------------------------------------------------------------------------------


def _server(
    tmp_path: Path, scenario: Callable[[World, Profile, Way], Awaitable[None]], *, serve: bool
) -> None:
    async def main() -> None:
        async with World(tmp_path) as world:
            server = world.enroll("plant")
            if serve:
                await world.serve(server).up()
            await scenario(world, server, way_of(server, load_config(server.config)))

    real_run(main(), timeout_s=30)


def test_a_server_that_serves_is_seen_at_its_port(tmp_path: Path) -> None:
    async def scenario(world: World, server: Profile, way: Way) -> None:
        report = await _walk(replace(way, runs="tw serve (process 7)"))
        assert _names(report) == [*BELOW, *MODES, "ssh", "port"]
        assert "leads to a server that answers" in report.steps[-1].detail
        # And it still does: the test took nothing away.
        assert report.failure is None
        role, _ = await world.connect(world.let_in(server, "alice", HostPort("127.0.0.1", 5432)))
        await role.up()

    _server(tmp_path, scenario, serve=True)


def test_a_server_that_does_not_run_learns_that_it_may(tmp_path: Path) -> None:
    async def scenario(world: World, server: Profile, way: Way) -> None:
        report = await _walk(way)
        last = report.steps[-1]
        assert (last.name, last.state) == ("port", State.NOTE) and "tw serve" in last.hint
        assert report.failure is None

    _server(tmp_path, scenario, serve=False)


def test_a_server_that_runs_and_is_not_there_has_a_problem(tmp_path: Path) -> None:
    async def scenario(world: World, server: Profile, way: Way) -> None:
        report = await _walk(replace(way, runs="tw serve (process 7)"))
        assert report.failure is not None and report.failure.code == "server-not-there"

    _server(tmp_path, scenario, serve=False)


def test_a_server_without_a_port_is_not_set_up(tmp_path: Path) -> None:
    async def scenario(world: World, server: Profile, way: Way) -> None:
        report = await _walk(replace(way, listener=None))
        assert report.failure is not None and report.failure.code == "not-set-up"

    _server(tmp_path, scenario, serve=False)
