"""Work in a thread: its steps arrive in order, and whoever is cancelled waits for its end."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest

from tests.provision.doubles.trouble import Killed
from tunnel_whisperer.audit import acting, note, select
from tunnel_whisperer.base.errors import Misuse, Refused
from tunnel_whisperer.operations.aside import alone, aside
from tunnel_whisperer.operations.steps import Tell, quiet
from tunnel_whisperer.profile import Profile, running, who_runs
from tunnel_whisperer.provision.drivers.patience import Clock


class Told:
    def __init__(self) -> None:
        self.words: list[str] = []
        self.first = asyncio.Event()

    def __call__(self, part: str, state: str, words: str, hint: str = "", /) -> None:
        asyncio.get_running_loop()  # it is not called in the thread
        self.words.append(words)
        self.first.set()


def test_steps_arrive_before_the_result_and_the_loop_goes_on() -> None:
    async def main() -> None:
        told, go = Told(), threading.Event()

        def work(tell: Tell) -> str:
            tell("a", "started", "one")
            assert go.wait(10)
            tell("a", "done", "two")
            return "result"

        async with asyncio.TaskGroup() as group:
            task = group.create_task(aside(work, told))
            await told.first.wait()
            go.set()
        assert task.result() == "result" and told.words == ["one", "two"]

    asyncio.run(main())


@pytest.mark.parametrize("failure", [Refused("cloud-quota", "no more"), Killed()])
def test_what_ends_the_work_ends_the_waiting(failure: BaseException) -> None:
    def work(tell: Tell) -> None:
        raise failure

    with pytest.raises(type(failure)) as caught:
        asyncio.run(aside(work, quiet))
    assert caught.value is failure


def _cancelled(ending: str) -> list[str]:
    """What was told and done of work that is cancelled after its first step."""

    async def main() -> list[str]:
        told = Told()
        done: list[str] = told.words
        waits = threading.Event()

        def work(tell: Tell) -> None:
            tell("a", "started", "begun")
            try:
                if ending == "provider":
                    Clock().sleep(60)
                assert waits.wait(10)
                if ending == "step":
                    tell("a", "done", "never told")
                    done.append("never done")
            finally:
                done.append("over")

        with pytest.raises(asyncio.CancelledError):
            async with asyncio.timeout(30), asyncio.TaskGroup() as group:
                task = group.create_task(aside(work, told))
                await told.first.wait()
                task.cancel()
                await asyncio.sleep(0)
                waits.set()
                await task
        return done

    return asyncio.run(main())


@pytest.mark.parametrize("ending", ["provider", "step", "itself"])
def test_whoever_is_cancelled_waits_until_nothing_is_made_any_more(ending: str) -> None:
    assert _cancelled(ending) == ["begun", "over"]


def test_who_acts_stays_known(tmp_path: Path) -> None:
    profile = Profile(tmp_path)
    with acting("dashboard:ada"):
        asyncio.run(aside(lambda tell: note(profile, "login"), quiet))
    assert [record.who for record in select(profile.audit, lambda record: True)] == ["dashboard:ada"]


def test_a_process_that_serves_it_keeps_others_out_itself(tmp_path: Path) -> None:
    profile = Profile(tmp_path)
    with running(profile, "tw dashboard"), alone(profile, "tw create relay-server"):
        assert str(who_runs(profile)).startswith("tw dashboard")
    with alone(profile, "tw create relay-server"):
        assert str(who_runs(profile)).startswith("tw create relay-server")
        with pytest.raises(Misuse), running(profile, "tw serve", sleep=lambda seconds: None):
            pass
    assert who_runs(profile) is None
