from __future__ import annotations

import json

import pytest

from tests.kit.command import Tw
from tunnel_whisperer.base.errors import Unreachable
from tunnel_whisperer.doctor import Findings, Network, Report, State, Step, Tell
from tunnel_whisperer.operations import network_testing

seen: list[Network] = []


@pytest.fixture(autouse=True)
def found(monkeypatch: pytest.MonkeyPatch) -> list[Report]:
    """What the walk comes to; the first one counts."""
    reports = [Report((Step("direct", State.OK, "connected", 3.0),))]
    seen.clear()

    async def walk(network: Network, tell: Tell) -> tuple[Report, Findings]:
        seen.append(network)
        for step in reports[0].steps:
            tell(step)
        return reports[0], Findings(direct=reports[0].failure is None)

    monkeypatch.setattr(network_testing, "walk_network", walk)
    return reports


def test_it_works_before_there_is_anything_and_ends_with_a_letter(tw: Tw) -> None:
    out = tw.ok("doctor", "relay.example.org")
    assert out.startswith("ok      direct") and "For the people who run this network:" in out
    assert "relay.example.org, TCP port 443" in out
    assert max(map(len, out.splitlines())) <= 100
    assert (str(seen[0].endpoint.address), seen[0].silent_s) == ("relay.example.org:443", 15.0)
    tw.refused("not-set-up", "doctor")


def test_the_own_relay_needs_no_name(server: Tw) -> None:
    server.ok("doctor", "--silence", "0")
    assert (seen[0].endpoint.address.host, seen[0].silent_s) == ("relay.test", 0.0)


def test_json_has_the_letter_in_one_piece(tw: Tw) -> None:
    value = json.loads(tw.ok("doctor", "relay.example.org", "--json"))
    assert list(value) == ["relay", "ok", "steps", "letter"] and "\n" not in value["letter"]


def test_a_network_that_lets_nothing_through_is_a_failure_with_its_letter(
    tw: Tw, found: list[Report]
) -> None:
    found[0] = Report((), Unreachable("timeout", "no connection", hint="ask"))
    done = tw("doctor", "relay.example.org")
    assert done.status == 4 and done.err == "tw: timeout: no connection (try: ask)\n"
    assert "Seen today: no connection" in done.out.replace("\n", " ")


def test_an_identity_that_cannot_be_read_is_in_the_way_of_its_own_relay_alone(tw: Tw) -> None:
    tw.directory.mkdir()
    (tw.directory / "config.yaml").write_text("mode: [")
    tw.ok("doctor", "relay.example.org")
    tw.refused("bad-config", "doctor")


@pytest.mark.parametrize("silence", ["long", "-1", "nan", "inf", "3601", ""])
def test_a_time_that_is_none_is_refused(silence: str, tw: Tw) -> None:
    tw.refused("bad-argument", "doctor", "relay.example.org", f"--silence={silence}")


@pytest.mark.parametrize("host", ["relay:0", "a b", "https://relay.test", "x" * 300])
def test_a_host_that_is_none_is_refused(host: str, tw: Tw) -> None:
    tw.refused("bad-argument", "doctor", host)
