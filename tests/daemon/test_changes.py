"""Watchers: told of each topic once, however often it changed."""

from __future__ import annotations

import asyncio

import pytest

from tests.kit.clock import real_run, run
from tunnel_whisperer.base.errors import Refused
from tunnel_whisperer.base.limits import MAX_WATCHERS
from tunnel_whisperer.daemon.changes import Changes, Topic


def test_a_topic_that_changed_often_is_told_once() -> None:
    async def main() -> None:
        changes = Changes()
        with changes.watch() as watcher:
            for _ in range(1000):
                changes.mark(Topic.STATUS)
            changes.mark(Topic.USERS)
            assert await watcher.next() == {Topic.STATUS, Topic.USERS}
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(1):
                    await watcher.next()

    run(main())


def test_what_changes_from_a_thread_arrives() -> None:
    async def main() -> None:
        changes = Changes()
        changes.mark_from_thread(Topic.JOBS)  # before anybody watches: nothing to tell
        with changes.watch() as watcher:
            await asyncio.to_thread(changes.mark_from_thread, Topic.JOBS)
            assert await watcher.next() == {Topic.JOBS}
        assert not len(changes)

    real_run(main())


def test_what_changed_since_the_state_was_read_is_told_at_once() -> None:
    async def main() -> None:
        changes = Changes()
        changes.mark(Topic.STATUS)
        read = changes.last
        changes.mark_from_thread(Topic.USERS)
        changes.mark(Topic.JOBS, Topic.USERS)
        with changes.watch(read) as watcher:
            assert await watcher.next() == {Topic.USERS, Topic.JOBS}
        with changes.watch(changes.last) as watcher:
            changes.mark(Topic.CONFIG)
            assert await watcher.next() == {Topic.CONFIG}
        with changes.watch(changes.last + 1) as watcher:
            assert await watcher.next() == set(Topic), "the number is from another process"

    run(main())


def test_each_topic_has_the_number_of_its_own_last_change() -> None:
    changes = Changes()
    assert changes.last_of(Topic.USERS) == 0
    changes.mark(Topic.USERS)
    before = changes.last_of(Topic.USERS)
    changes.mark(Topic.JOBS)
    assert changes.last_of(Topic.USERS) == before < changes.last_of(Topic.JOBS)


def test_looking_waits_until_somebody_watches() -> None:
    async def main() -> None:
        changes = Changes()
        for _ in range(2):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(1):
                    await changes.watched()
            with changes.watch():
                await changes.watched()

    run(main())


def test_watchers_are_bounded() -> None:
    async def main() -> None:
        changes = Changes()
        held = [changes.watch() for _ in range(MAX_WATCHERS)]
        for each in held:
            each.__enter__()
        with pytest.raises(Refused) as refused, changes.watch():
            pass
        assert refused.value.code == "too-many"
        held[0].__exit__(None, None, None)
        with changes.watch():
            pass

    run(main())
