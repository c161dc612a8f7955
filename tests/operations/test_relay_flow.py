"""A relay from an order to one that works, left and come back to; the provider is a double."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.cli.relay_doubles import TOKEN, World
from tests.provision.doubles.trouble import Killed
from tunnel_whisperer.audit import select
from tunnel_whisperer.base.errors import Misuse, Refused, TwError
from tunnel_whisperer.daemon import relay_making
from tunnel_whisperer.daemon.jobs import Job, Jobs, JobState
from tunnel_whisperer.daemon.relay_waiting import Seen
from tunnel_whisperer.operations.providers import credentials_of
from tunnel_whisperer.operations.relay_flow import RelayOrder, ask_plan, make_relay, wait_for_relay
from tunnel_whisperer.operations.relay_making import begun
from tunnel_whisperer.operations.steps import Tell, quiet
from tunnel_whisperer.profile import Profile, load_config, running
from tunnel_whisperer.provision.state import Phase

DOMAIN = "relay.example.org"
ORDER = RelayOrder(DOMAIN, "digitalocean")
CREDENTIALS = credentials_of("digitalocean", {"token": TOKEN})


class Told:
    """The steps, as a page gets them."""

    def __init__(self) -> None:
        self.steps: list[tuple[str, str, str]] = []

    def __call__(self, part: str, state: str, words: str, hint: str = "", /) -> None:
        self.steps.append((part, state, words))

    def parts(self) -> list[str]:
        return list(dict.fromkeys(part for part, _, _ in self.steps))

    def last(self, part: str) -> str:
        return [state for each, state, _ in self.steps if each == part][-1]


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return World(monkeypatch)


@pytest.fixture
def profile(tmp_path: Path) -> Profile:
    return Profile(tmp_path / "relay")


def _make(profile: Profile, told: Told, order: RelayOrder = ORDER) -> dict[str, object]:
    return asyncio.run(make_relay(profile, order, CREDENTIALS, told)).to_json()


def _machines(world: World) -> int:
    return sum(name.startswith("droplet") for name in world.bench.there())


def test_a_plan_is_shown_and_makes_nothing(world: World, profile: Profile) -> None:
    asked = asyncio.run(ask_plan(profile, ORDER, CREDENTIALS))
    assert (asked.there, asked.plan.domain) == (False, DOMAIN) and asked.to_json()["there"] is False
    assert not profile.directory.exists() and world.bench.there() == []


def test_from_an_order_to_a_relay_that_works(world: World, profile: Profile) -> None:
    world.names = [Seen(False, "not there yet"), Seen(True, "it is there")]
    told = Told()
    made = _make(profile, told)
    now = begun(profile)
    assert now is not None and now.phase is Phase.MADE and now.domain == DOMAIN
    assert made == {"domain": DOMAIN, "addresses": list(now.addresses), "servers": 0}
    assert now.to_json()["records"] == [record.to_json() for record in now.records] != []
    order = ["machine", "identity", "machine.droplet", "address", "dns.record", "dns", "https", "tunnel"]
    assert [part for part in told.parts() if part in order] == order
    assert {told.last(part) for part in ("machine", "dns", "https", "tunnel", "machine.droplet")} == {"done"}
    assert ("dns", "waiting", "not there yet") in told.steps
    assert any(str(now.records[0]) in words for _, _, words in told.steps)
    assert world.applied == [("relay-admin",)] and load_config(profile.config).relay.domain == DOMAIN


def test_credentials_are_in_no_step_and_no_file(
    world: World, profile: Profile, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    told = Told()
    _make(profile, told)
    files = (path.read_bytes() for path in profile.directory.rglob("*") if path.is_file())
    assert TOKEN not in str(told.steps) + caplog.text
    assert not any(TOKEN.encode() in data for data in files)


def test_what_was_made_is_found_again_and_noted_once(world: World, profile: Profile) -> None:
    _make(profile, Told())
    assert asyncio.run(ask_plan(profile, ORDER, CREDENTIALS)).there
    told = Told()
    _make(profile, told)
    assert _machines(world) == 1
    assert ("identity", "done", f"found in {profile.directory}") in told.steps
    assert len(list(select(profile.audit, lambda record: record.event == "machine-made"))) == 1
    assert asyncio.run(wait_for_relay(profile, quiet)).domain == DOMAIN  # without credentials


@pytest.mark.parametrize("call", range(3, 12, 2))
def test_a_process_that_died_anywhere_is_gone_on_with(world: World, profile: Profile, call: int) -> None:
    world.bench.trouble.at = call
    with pytest.raises(Killed):
        _make(profile, Told())
    world.bench.trouble.calm()
    _make(profile, Told())
    assert _machines(world) == 1


def test_whoever_leaves_while_it_waits_comes_back_to_it(
    world: World, profile: Profile, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(domain: str, addresses: tuple[str, ...], *, proxied: bool) -> Seen:
        return Seen(False, "not there yet")

    monkeypatch.setattr(relay_making, "look_at_name", never)
    told = Told()

    async def left() -> None:
        async with asyncio.TaskGroup() as group:
            task = group.create_task(make_relay(profile, ORDER, CREDENTIALS, told))
            while ("dns", "waiting", "not there yet") not in told.steps:
                await asyncio.sleep(0)
            task.cancel()

    asyncio.run(left())
    now = begun(profile)
    assert now is not None and now.phase is Phase.MADE and _machines(world) == 1
    monkeypatch.setattr(relay_making, "look_at_name", world._name)
    assert asyncio.run(wait_for_relay(profile, quiet)).addresses == now.addresses


def test_it_is_made_by_the_process_that_serves_the_context_too(world: World, profile: Profile) -> None:
    with running(profile, "tw dashboard"):
        assert _make(profile, Told())["domain"] == DOMAIN


def test_a_failure_is_the_last_step(world: World, profile: Profile) -> None:
    told = Told()
    world.bench.refuse("quota")
    with pytest.raises(TwError) as refused:
        _make(profile, told)
    assert refused.value.code == "cloud-quota" and told.steps[-1][:2] == ("machine", "failed")
    world.bench.refuse("")
    world.tunnel = [Refused("host-key-mismatch", "another key")]
    told = Told()
    with pytest.raises(Refused):
        _make(profile, told)
    assert told.steps[-1] == ("tunnel", "failed", "another key")
    world.tunnel = [Refused("host-key-mismatch", "another key")]
    with pytest.raises(Refused):
        asyncio.run(wait_for_relay(profile, told))


def test_a_relay_of_another_name_or_place_is_not_touched(world: World, profile: Profile) -> None:
    with pytest.raises(Misuse) as refused:
        asyncio.run(wait_for_relay(profile, quiet))
    assert refused.value.code == "not-set-up"
    _make(profile, Told())
    now = begun(profile)
    assert now is not None
    region = next(each.name for each in world.bench.driver().regions() if each.name != now.region)
    for order in (
        RelayOrder("other.example.org", "digitalocean"),
        RelayOrder(DOMAIN, "hetzner"),
        RelayOrder(DOMAIN, "digitalocean", region),
    ):
        with pytest.raises(Misuse) as refused:
            _make(profile, Told(), order)
        assert refused.value.code == "exists"
    with pytest.raises(Misuse):
        RelayOrder("relay", "digitalocean")
    assert _machines(world) == 1


def test_as_long_work_of_a_process_it_ends_with_every_part_done(world: World, profile: Profile) -> None:
    async def main() -> Job:
        changed = asyncio.Event()
        jobs = Jobs(changed.set)

        async def work(tell: Tell) -> dict[str, object]:
            return (await make_relay(profile, ORDER, CREDENTIALS, tell)).to_json()

        job = jobs.start("relay-make", "a relay", work)
        while job.ended is None:
            await changed.wait()
            changed.clear()
        await jobs.close()
        return job

    job = asyncio.run(main())
    assert job.state is JobState.DONE and job.result["domain"] == DOMAIN, job.error
    assert {step.state for step in job.steps} == {"done", "info"}
    assert [step.id for step in job.steps].count("machine") == 1
