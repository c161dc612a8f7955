"""Long work: steps, ends, and what is kept of it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.kit.clock import real_run, run
from tunnel_whisperer.base.errors import Misuse, Unreachable
from tunnel_whisperer.base.limits import MAX_JOB_STEPS, MAX_JOBS
from tunnel_whisperer.daemon.jobs import Job, Jobs, JobState, Tell, WorkFailed


async def _ended(job: Job) -> None:
    while job.state is JobState.RUNNING:
        await asyncio.sleep(0.001)


def test_steps_and_result_are_there_at_the_end() -> None:
    async def main() -> None:
        news: list[int] = []
        jobs = Jobs(lambda: news.append(1))

        async def work(tell: Tell) -> dict[str, Any]:
            tell("dns", "waiting", "waiting for the name")
            tell("dns", "done", "the name is there")
            tell("https", "failed", "no certificate yet", "wait a minute")
            return {"domain": "relay.test"}

        job = jobs.start("make", "making a relay", work)
        assert job.state is JobState.RUNNING and jobs.latest("make") is job
        await _ended(job)
        shown = job.to_json()
        assert [(x["id"], x["state"]) for x in shown["steps"]] == [("dns", "done"), ("https", "failed")]
        assert shown["state"] == "done" and shown["result"] == {"domain": "relay.test"}
        assert shown["steps"][1]["hint"] == "wait a minute" and shown["ended"] >= shown["started"]
        assert len(news) >= 5
        assert jobs.get(job.id) is job
        await jobs.close()

    run(main())


def test_a_failure_is_kept_with_its_hint() -> None:
    async def main() -> None:
        jobs = Jobs()

        async def refused(tell: Tell) -> None:
            raise Unreachable("dns-failed", "no such name", hint="check the name")

        async def broken(tell: Tell) -> None:
            raise RuntimeError("token=abc")

        first = jobs.start("a", "a", refused)
        second = jobs.start("b", "b", broken)
        await _ended(first)
        await _ended(second)
        assert first.to_json()["error"] == {
            "code": "dns-failed",
            "why": "no such name",
            "hint": "check the name",
        }
        assert second.state is JobState.FAILED and second.error is not None
        assert second.error.code == "internal"

    run(main())


def test_work_that_failed_may_have_something_to_show() -> None:
    async def main() -> None:
        jobs = Jobs()

        async def work(tell: Tell) -> None:
            raise WorkFailed(Unreachable("dns-failed", "no such name"), {"letter": "dear team"})

        job = jobs.start("look", "looking", work)
        await _ended(job)
        assert job.state is JobState.FAILED and job.error is not None and job.error.code == "dns-failed"
        assert job.to_json()["result"] == {"letter": "dear team"}

    run(main())


def test_one_of_a_kind_at_a_time_and_it_can_be_cancelled() -> None:
    async def main() -> None:
        jobs = Jobs()
        stopped: list[bool] = []

        async def endless(tell: Tell) -> None:
            try:
                await asyncio.Event().wait()
            finally:
                stopped.append(True)

        job = jobs.start("make", "making a relay", endless)
        with pytest.raises(Misuse) as refused:
            jobs.start("make", "making a relay", endless)
        assert refused.value.code == "already-running"
        await asyncio.sleep(0)
        jobs.cancel(job.id)
        await _ended(job)
        assert job.state is JobState.CANCELLED and stopped == [True]
        jobs.cancel(job.id)  # once more is nothing
        other = jobs.start("make", "making a relay", endless)
        await asyncio.sleep(0)
        await jobs.close()
        assert other.state is JobState.CANCELLED

    run(main())


def test_steps_come_from_threads_in_order() -> None:
    async def main() -> None:
        jobs = Jobs()

        async def work(tell: Tell) -> None:
            def in_thread() -> None:
                for number in range(20):
                    tell(f"part {number}", "done", "ok")

            await asyncio.to_thread(in_thread)

        job = jobs.start("t", "t", work)
        await _ended(job)
        assert [step.id for step in job.steps] == [f"part {n}" for n in range(20)]

    real_run(main())


def test_memory_is_bounded() -> None:
    async def main() -> None:
        jobs = Jobs()

        async def chatty(tell: Tell) -> None:
            for number in range(3 * MAX_JOB_STEPS):
                tell(f"part {number}", "done", "ok")

        for number in range(MAX_JOBS + 9):
            await _ended(jobs.start(f"kind {number}", "x", chatty))
        job = jobs.start("the last", "x", chatty)
        await _ended(job)
        assert len(jobs.all()) == MAX_JOBS
        assert len(job.steps) == MAX_JOB_STEPS
        assert job.steps[0].id == "part 0" and job.steps[-1].id == f"part {3 * MAX_JOB_STEPS - 1}"
        with pytest.raises(Misuse):
            jobs.get("gone")

    run(main())


def test_secrets_do_not_get_into_steps() -> None:
    async def main() -> None:
        jobs = Jobs()

        async def work(tell: Tell) -> None:
            tell("proxy", "done", "through http://user:secret@proxy:3128")

        job = jobs.start("t", "t", work)
        await _ended(job)
        assert "secret" not in job.steps[0].words

    run(main())


def test_a_thread_that_has_not_heard_of_the_end_adds_nothing() -> None:
    async def main() -> None:
        jobs = Jobs()
        tells: list[Tell] = []

        async def work(tell: Tell) -> None:
            tells.append(tell)
            await asyncio.Event().wait()

        job = jobs.start("look", "looking", work)
        await asyncio.sleep(0)
        jobs.cancel(job.id)
        await _ended(job)
        before = job.to_json()
        tells[0]("dns", "started", "asking")
        assert job.to_json() == before and before["state"] == "cancelled"

    run(main())
