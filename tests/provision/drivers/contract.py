"""What every driver promises, run against a provider's double.

A subclass provides the fixture ``bench``. The loops below strike once at every single call that a
run makes: the process is killed, or the network fails, before and after the call took effect.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

import pytest

from tests.provision.doubles.trouble import Killed, Trouble, VirtualTime
from tunnel_whisperer.base.errors import TwError, render
from tunnel_whisperer.provision.drivers import Change, Driver, Found, Machine, Order, Step

__all__ = ["KEY", "RELAY", "Bench", "DriverContract", "order"]

RELAY, OTHER = "abcd1234", "ffff0000"
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJrvCjFHMDqAYAxlPLmZ5u0Bs/lCGKyUEz6vEJ8yqJ9m admin@tw"
USER_DATA = "#cloud-config\nruncmd:\n- [bash, /root/tw-install.sh]\n"


class Bench(Protocol):
    """A provider's double, and how to look into it."""

    @property
    def clock(self) -> VirtualTime:
        """On which it waits."""

    @property
    def trouble(self) -> Trouble:
        """What goes wrong next."""

    @property
    def secrets(self) -> tuple[str, ...]:
        """What may never be shown."""

    @property
    def faults(self) -> tuple[Callable[[], BaseException], ...]:
        """Failures of the network, as the library below the driver raises them."""

    @property
    def kinds(self) -> tuple[str, ...]:
        """Of the resources of one relay, in the order in which they are removed."""

    @property
    def quick(self) -> bool:
        """Whether a call takes next to no time."""

    @property
    def region(self) -> str:
        """In which the relay is."""

    def driver(self, secret: str = "") -> Driver:
        """A new one, with valid credentials unless told otherwise."""

    def named(self, kind: str, relay_id: str) -> str:
        """The name of a relay's resource."""

    def fresh(self) -> Bench:
        """An account as new as this one was."""

    def there(self) -> list[str]:
        """``kind name`` of all that is in the account, sorted."""

    def inbound(self) -> list[int]:
        """TCP ports that the only firewall lets in from all IPv4 and IPv6 addresses."""

    def user_data(self) -> str:
        """What the only machine was given."""

    def stranger(self, kind: str) -> None:
        """Somebody else makes this under the name that ours would have."""

    def weaken(self) -> None:
        """The credentials may only read from now on."""

    def never_ready(self, *, stuck: bool) -> None:
        """Whether new machines do not come up."""

    def keep_keys(self, *, kept: bool) -> None:
        """Whether an SSH key stays although its removal was confirmed."""

    def refuse(self, what: str) -> None:
        """Making a machine fails from now on: ``rate``, ``quota``, ``capacity``, ``down``; or works again: empty."""


@dataclass
class Log:
    """The steps of a run."""

    steps: list[Step]

    def __call__(self, step: Step) -> None:
        self.steps.append(step)

    def of(self, change: Change) -> list[str]:
        """Kinds with this change, in order."""
        return [step.kind for step in self.steps if step.change is change]


def quiet(step: Step) -> None:
    """Nobody listens."""


def order(
    driver: Driver,
    *,
    ssh_open: bool = False,
    relay_id: str = RELAY,
    user_data: str = USER_DATA,
    key: str = KEY,
) -> Order:
    """The default plan, agreed to."""
    return Order(relay_id, driver.plan(ssh_open=ssh_open), key, user_data)


def one_each(bench: Bench, relay_id: str = RELAY) -> list[str]:
    """What there is when a relay is complete."""
    return sorted(f"{kind} {bench.named(kind, relay_id)}" for kind in bench.kinds)


def ensured(bench: Bench, agreed: Order) -> Machine:
    """One run of ``ensure`` by a new process."""
    return bench.driver().ensure(agreed, quiet)


def destroyed(bench: Bench, agreed: Order) -> Found:
    """One run of ``destroy`` by a new process."""
    return bench.driver().destroy(agreed.relay_id, quiet)


def strikes(
    bench: Bench,
    run: Callable[[Bench, Order], object],
    make: Callable[[], BaseException],
    prepare: Callable[[Bench, Order], object] = lambda bench, agreed: None,
) -> Iterator[tuple[str, Bench, Order]]:
    """An account for each call of ``run``, before and after it: where the run was struck there.

    After a call that only reads nothing is different, so those are struck before only; where the
    double is slow not even then, for that is as after the last call that changed something.
    """
    agreed = order(bench.driver())
    calm = _prepared(bench, agreed, prepare)
    run(calm, agreed)
    calls = tuple(calm.trouble.calls)
    assert len(calls) > 3
    for at, name in enumerate(calls):
        reads = name.startswith(("GET", "Describe"))
        if reads and not bench.quick:
            continue
        for after in (False,) if reads else (False, True):
            struck = _prepared(bench, agreed, prepare)
            trouble = struck.trouble
            trouble.at, trouble.after, trouble.make = at, after, make
            with suppress(Killed, TwError):
                run(struck, agreed)
            assert len(trouble.calls) > at
            when = "after" if after else "before"
            where = f"{make().__class__.__name__} {when} call {at}, {trouble.calls[at]}"
            trouble.calm()
            yield where, struck, agreed


def _prepared(bench: Bench, agreed: Order, prepare: Callable[[Bench, Order], object]) -> Bench:
    fresh = bench.fresh()
    prepare(fresh, agreed)
    fresh.trouble.calm()
    return fresh


class DriverContract:
    """To be subclassed by the tests of a driver."""

    # -- choosing ----------------------------------------------------------------------------------

    def test_check_says_whose_the_credentials_are_and_makes_nothing(self, bench: Bench) -> None:
        before = bench.there()
        assert bench.driver().check().name
        assert bench.there() == before

    def test_credentials_that_nobody_has_are_told(self, bench: Bench) -> None:
        with pytest.raises(TwError) as caught:
            bench.driver("wrong" * 8).check()
        assert caught.value.code == "cloud-token-refused" and caught.value.hint

    def test_every_region_that_is_offered_has_a_size(self, bench: Bench) -> None:
        driver = bench.driver()
        regions = driver.regions()
        assert regions and all(region.title for region in regions)
        assert all(driver.sizes(region.name) for region in regions)

    def test_the_default_plan_is_the_first_size_of_the_first_region(self, bench: Bench) -> None:
        driver = bench.driver()
        plan = driver.plan()
        assert plan.region == driver.regions()[0] and plan.size == driver.sizes(plan.region.name)[0]
        assert plan.size.memory_mb >= 1024 and plan.image_title and not plan.ssh_open
        prices = [size.monthly.amount for size in driver.sizes(plan.region.name) if size.monthly]
        assert prices == sorted(prices)

    def test_a_region_or_size_that_is_not_there_is_told_with_those_that_are(self, bench: Bench) -> None:
        driver = bench.driver()
        for region, size in (("atlantis", ""), ("", "huge")):
            with pytest.raises(TwError) as caught:
                driver.plan(region, size)
            assert caught.value.code == "no-such-name"
            assert (driver.plan().size.name if size else driver.plan().region.name) in caught.value.hint

    # -- making ------------------------------------------------------------------------------------

    def test_ensure_makes_one_of_each_and_tells_the_steps(self, bench: Bench) -> None:
        driver, log = bench.driver(), Log([])
        agreed = order(driver)
        machine = driver.ensure(agreed, log)
        assert bench.there() == one_each(bench)
        assert log.of(Change.MADE)[-1] == bench.kinds[0], "the machine comes last, behind its firewall"
        assert log.steps[-1] == Step(bench.kinds[0], Change.READY, machine.ipv4)
        assert machine.ipv4.count(".") == 3 and machine.size == agreed.plan.size.name
        assert machine.region == bench.region and machine.name == f"tw-{RELAY}"
        assert bench.user_data() == USER_DATA
        assert bench.inbound() == [80, 443]

    def test_ensure_again_makes_nothing_and_finds_the_same(self, bench: Bench) -> None:
        first = ensured(bench, order(bench.driver()))
        log = Log([])
        again = bench.driver().ensure(order(bench.driver()), log)
        assert again == first and bench.there() == one_each(bench)
        assert log.of(Change.MADE) == [] and bench.kinds[0] in log.of(Change.FOUND)

    def test_port_22_is_open_only_when_it_is_wanted_and_closes_again(self, bench: Bench) -> None:
        driver = bench.driver()
        driver.ensure(order(driver, ssh_open=True), quiet)
        assert bench.inbound() == [22, 80, 443]
        driver.set_ssh(RELAY, ssh_open=False)
        assert bench.inbound() == [80, 443]
        driver.set_ssh(RELAY, ssh_open=True)
        driver.ensure(order(driver, ssh_open=False), quiet)
        assert bench.inbound() == [80, 443]
        with pytest.raises(TwError) as caught:
            driver.set_ssh(OTHER, ssh_open=False)
        assert caught.value.code == "no-such-name"

    def test_another_key_takes_the_place_of_ours(self, bench: Bench) -> None:
        driver = bench.driver()
        driver.ensure(order(driver), quiet)
        driver.ensure(order(driver, key=KEY.replace("yqJ9m", "yqJ9n")), quiet)
        assert bench.there() == one_each(bench)

    def test_what_is_too_big_is_refused_before_any_call(self, bench: Bench) -> None:
        driver = bench.driver()
        agreed = order(driver, user_data=f"#cloud-config\n# {''.join(map(str, range(60_000)))}")
        bench.trouble.calm()
        with pytest.raises(TwError) as caught:
            driver.ensure(agreed, quiet)
        assert caught.value.code == "user-data-too-big" and bench.trouble.calls == []

    def test_a_name_of_somebody_else_is_refused_and_left_alone(self, bench: Bench) -> None:
        for kind in bench.kinds:
            if kind == "tag":
                continue  # is ours by its name
            other = bench.fresh()
            other.stranger(kind)
            before = other.there()
            with pytest.raises(TwError) as caught:
                ensured(other, order(other.driver()))
            assert caught.value.code == "exists" and kind in caught.value.why, render(caught.value)
            assert other.there() == before
            assert not other.driver().destroy(RELAY, quiet)
            assert other.there() == before

    def test_a_relay_stays_in_its_region(self, bench: Bench) -> None:
        driver = bench.driver()
        other = next(region.name for region in driver.regions() if region.name != bench.region)
        driver.ensure(order(driver), quiet)
        with pytest.raises(TwError) as caught:
            driver.ensure(Order(RELAY, driver.plan(other), KEY, USER_DATA), quiet)
        assert caught.value.code == "exists" and bench.region in caught.value.hint
        assert bench.there() == one_each(bench)

    def test_a_machine_that_never_comes_up_is_told_and_waited_for_again(self, bench: Bench) -> None:
        bench.never_ready(stuck=True)
        began = bench.clock.now()
        with pytest.raises(TwError) as caught:
            ensured(bench, order(bench.driver()))
        assert caught.value.code == "timeout" and 600 <= bench.clock.now() - began <= 700
        bench.never_ready(stuck=False)
        assert ensured(bench, order(bench.driver())).ipv4
        assert bench.there() == one_each(bench)

    # -- removing ----------------------------------------------------------------------------------

    def test_find_lists_all_of_one_relay_and_find_all_of_all(self, bench: Bench) -> None:
        driver = bench.driver()
        assert not driver.find(RELAY) and driver.find_all() == ()
        driver.ensure(order(driver), quiet)
        found = driver.find(RELAY)
        assert [entry.kind for entry in found] == list(bench.kinds)
        assert all(entry.id and entry.name == bench.named(entry.kind, RELAY) for entry in found)
        assert driver.find_all() == (found,) and not driver.find(OTHER)

    def test_destroy_removes_one_relay_and_nothing_else_and_knows_nothing_but_its_id(
        self, bench: Bench
    ) -> None:
        driver, log = bench.driver(), Log([])
        driver.ensure(order(driver), quiet)
        driver.ensure(order(driver, relay_id=OTHER, key=KEY.replace("yqJ9m", "yqJ9n")), quiet)
        removed = bench.driver().destroy(RELAY, log)
        assert [entry.kind for entry in removed] == list(bench.kinds) == log.of(Change.REMOVED)
        assert bench.there() == one_each(bench, OTHER)
        assert not bench.driver().destroy(RELAY, quiet)
        bench.driver().destroy(OTHER, quiet)
        assert bench.there() == []

    def test_what_is_still_there_after_its_removal_was_confirmed_is_told(self, bench: Bench) -> None:
        driver = bench.driver()
        driver.ensure(order(driver), quiet)
        bench.keep_keys(kept=True)
        with pytest.raises(TwError) as caught:
            driver.destroy(RELAY, quiet)
        assert caught.value.code == "cloud-not-empty" and f"ssh key tw-{RELAY}" in caught.value.why
        bench.keep_keys(kept=False)
        driver.destroy(RELAY, quiet)
        assert bench.there() == []

    # -- two at once -------------------------------------------------------------------------------

    def test_another_run_that_gets_ahead_at_any_step_makes_nothing_twice(self, bench: Bench) -> None:
        agreed = order(bench.driver())
        for kind in bench.kinds:
            raced = bench.fresh()
            ahead: list[Machine] = []

            def tell(
                step: Step, kind: str = kind, raced: Bench = raced, ahead: list[Machine] = ahead
            ) -> None:
                if (step.kind, step.change) == (kind, Change.MAKING) and not ahead:
                    ahead.append(ensured(raced, agreed))

            assert [raced.driver().ensure(agreed, tell)] == ahead, kind
            assert raced.there() == one_each(raced) and raced.inbound() == [80, 443], kind

    def test_another_removal_that_gets_ahead_at_any_step_is_no_error(self, bench: Bench) -> None:
        agreed = order(bench.driver())
        for kind in bench.kinds:
            raced = bench.fresh()
            ensured(raced, agreed)

            def tell(step: Step, kind: str = kind, raced: Bench = raced) -> None:
                if (step.kind, step.change) == (kind, Change.REMOVING):
                    destroyed(raced, agreed)

            raced.driver().destroy(RELAY, tell)
            assert raced.there() == [], kind

    # -- dying anywhere ----------------------------------------------------------------------------

    def test_a_run_killed_at_any_call_is_finished_by_the_next(self, bench: Bench) -> None:
        for where, struck, agreed in strikes(bench, ensured, Killed):
            machine = ensured(struck, agreed)
            assert struck.there() == one_each(struck), where
            assert struck.inbound() == [80, 443] and machine.ipv4, where
            struck.driver().destroy(RELAY, quiet)
            assert struck.there() == [], where

    def test_a_run_killed_at_any_call_is_removed_by_destroy(self, bench: Bench) -> None:
        for where, struck, _ in strikes(bench, ensured, Killed):
            struck.driver().destroy(RELAY, quiet)
            assert struck.there() == [], where

    def test_a_failure_of_the_network_at_any_call_leaves_no_second_machine(self, bench: Bench) -> None:
        for make in bench.faults:
            for where, struck, agreed in strikes(bench, ensured, make):
                ensured(struck, agreed)
                assert struck.there() == one_each(struck), where

    def test_a_removal_struck_at_any_call_is_finished_by_the_next(self, bench: Bench) -> None:
        for make in (Killed, *bench.faults):
            for where, struck, agreed in strikes(bench, destroyed, make, ensured):
                destroyed(struck, agreed)
                assert struck.there() == [], where

    # -- words -------------------------------------------------------------------------------------

    @pytest.mark.parametrize(
        ("what", "code"),
        [
            ("rate", "cloud-rate-limit"),
            ("quota", "cloud-quota"),
            ("capacity", "cloud-no-capacity"),
            ("down", "cloud-unreachable"),
        ],
    )
    def test_each_failure_has_its_own_words_and_the_next_run_goes_on(
        self, bench: Bench, what: str, code: str
    ) -> None:
        agreed = order(bench.driver())
        bench.refuse(what)
        began = bench.clock.now()
        with pytest.raises(TwError) as caught:
            ensured(bench, agreed)
        assert caught.value.code == code and caught.value.hint, render(caught.value)
        assert bench.clock.now() - began < 600, "patience has an end"
        assert not [entry for entry in bench.there() if entry.startswith(bench.kinds[0])]
        bench.refuse("")
        ensured(bench, agreed)
        assert bench.there() == one_each(bench)

    def test_credentials_that_may_only_read_are_told_before_anything_is_made(self, bench: Bench) -> None:
        driver = bench.driver()
        bench.weaken()
        with pytest.raises(TwError) as caught:
            driver.check()
            driver.plan()
        assert caught.value.code == "cloud-permission-missing" and caught.value.hint
        assert bench.there() == []

    def test_credentials_and_user_data_are_never_shown(
        self, bench: Bench, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        driver = bench.driver()
        agreed = order(driver, user_data=f"{USER_DATA}# tw-join-secret")
        shown = [repr(driver), repr(vars(driver)), repr(agreed)]
        for at in range(4):
            bench.trouble.calm()
            bench.trouble.at, bench.trouble.make = at, bench.faults[0]
            try:
                driver.ensure(agreed, quiet)
            except TwError as exc:
                shown += [render(exc), *traceback.format_exception(exc)]
        ours = [record.getMessage() for record in caplog.records]
        for secret in (*bench.secrets, "tw-join-secret"):
            assert not [text for text in shown if secret in text]
        for secret in bench.secrets:
            assert not [text for text in ours if secret in text]
