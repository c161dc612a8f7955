from __future__ import annotations

import asyncio
from itertools import pairwise
from typing import cast

import pytest

from tests.kit.clock import run
from tunnel_whisperer.base.counters import SessionCounters
from tunnel_whisperer.base.errors import Misuse, Refused, TwError, Unreachable
from tunnel_whisperer.base.limits import SSH_LEAVE_S
from tunnel_whisperer.ssh.keeper import KeeperState, KeeperStatus, SessionKeeper
from tunnel_whisperer.ssh.session import ClientSession


class FakeSession:
    def __init__(self) -> None:
        self.closed: asyncio.Future[TwError | None] = asyncio.get_running_loop().create_future()
        self.aborted = False
        self.said_goodbye = False
        self.answers = True
        self.rtt_s = 0.02

    def close(self) -> None:
        self.said_goodbye = True
        if self.answers:
            asyncio.get_running_loop().call_soon(self.closed.set_result, None)

    def abort(self) -> None:
        self.aborted = True


class Script:
    """What each connect does: an error to raise, or a session to return."""

    def __init__(self, *steps: TwError | FakeSession) -> None:
        self.steps = list(steps)
        self.times: list[float] = []

    async def connect(self) -> ClientSession:
        self.times.append(asyncio.get_running_loop().time())
        step = self.steps.pop(0) if self.steps else Unreachable("relay-unreachable", "end of script")
        if isinstance(step, TwError):
            raise step
        return cast(ClientSession, step)


def _keeper(script: Script, seen: list[KeeperStatus] | None = None) -> SessionKeeper:
    return SessionKeeper(script.connect, on_change=None if seen is None else seen.append, draw=lambda: 0.5)


async def _stop(task: asyncio.Task[None]) -> None:
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def test_it_comes_up_and_comes_back() -> None:
    async def main() -> None:
        first, second = FakeSession(), FakeSession()
        seen: list[KeeperStatus] = []
        script = Script(first, second)
        keeper = _keeper(script, seen)
        task = asyncio.ensure_future(keeper.run())
        assert await keeper.wait_session(5) is cast(ClientSession, first)
        first.closed.set_result(Unreachable("session-lost", "gone"))
        await asyncio.sleep(1)
        assert keeper.session is None and first.aborted
        assert await keeper.wait_session(35) is cast(ClientSession, second)
        assert script.times[1] - script.times[0] == pytest.approx(2.0)
        assert [s.state for s in seen] == [
            KeeperState.CONNECTING, KeeperState.UP, KeeperState.WAITING, KeeperState.CONNECTING, KeeperState.UP
        ]  # fmt: skip
        assert seen[2].error is not None and seen[2].error.code == "session-lost"
        await _stop(task)
        assert second.aborted

    run(main())


def test_the_backoff_of_the_manual() -> None:
    async def main() -> None:
        script = Script()
        task = asyncio.ensure_future(_keeper(script).run())
        await asyncio.sleep(200)
        gaps = [round(b - a, 3) for a, b in pairwise(script.times)]
        assert gaps[:20] == [2] * 8 + [4] * 4 + [8] * 4 + [16] * 4
        await _stop(task)

    run(main())


@pytest.mark.parametrize(
    "error",
    [
        Refused("host-key-mismatch", "an impostor"),
        Refused("session-replaced", "two machines must not throw each other out for ever"),
        Misuse("bad-key", "cannot be read"),
    ],
)
def test_what_trying_again_cannot_mend_ends_it_without_a_storm(error: TwError) -> None:
    async def main() -> None:
        script = Script(error)
        keeper = _keeper(script)
        with pytest.raises(type(error)):
            await keeper.run()
        assert len(script.times) == 1
        assert keeper.status.state is KeeperState.ENDED
        with pytest.raises(type(error)):
            await keeper.wait_session(1)

    run(main())


@pytest.mark.parametrize("code", ["certificate-refused", "user-not-active", "relay-refused"])
def test_a_refusal_tonight_is_tried_again(code: str) -> None:
    async def main() -> None:
        session = FakeSession()
        script = Script(Refused(code, "not now"), session)
        keeper = _keeper(script)
        task = asyncio.ensure_future(keeper.run())
        assert await keeper.wait_session(35) is cast(ClientSession, session)
        await _stop(task)

    run(main())


def test_waiting_ends_with_the_reason_of_the_last_failure() -> None:
    async def main() -> None:
        keeper = _keeper(Script())
        task = asyncio.ensure_future(keeper.run())
        began = asyncio.get_running_loop().time()
        with pytest.raises(Unreachable, match="end of script"):
            await keeper.wait_session(35)
        assert asyncio.get_running_loop().time() - began == pytest.approx(35)
        await _stop(task)

    run(main())


def _unreachable(count: int) -> list[Unreachable]:
    return [Unreachable("relay-unreachable", "x")] * count


def test_somebody_in_a_hurry_shortens_the_wait() -> None:
    async def main() -> None:
        script = Script(*_unreachable(20), FakeSession())
        keeper = _keeper(script)
        task = asyncio.ensure_future(keeper.run())
        await asyncio.sleep(116)  # 4 s into the last wait of 16 s, which ends at 128 s
        assert len(script.times) == 20
        keeper.hurry()
        await asyncio.sleep(0.1)
        assert len(script.times) == 21 and keeper.session is not None
        await _stop(task)

    run(main())


def test_a_crowd_in_a_hurry_does_not_hammer_the_relay() -> None:
    async def main() -> None:
        script = Script()
        keeper = _keeper(script)
        task = asyncio.ensure_future(keeper.run())
        for _ in range(600):
            keeper.hurry()
            await asyncio.sleep(0.1)
        assert 25 <= len(script.times) <= 31
        assert min(b - a for a, b in pairwise(script.times)) >= 2 - 1e-6
        await _stop(task)

    run(main())


def test_a_hurry_during_an_attempt_counts_for_the_next() -> None:
    """The network came back while an attempt was still waiting for the old one."""

    async def main() -> None:
        script = Script(*_unreachable(20), FakeSession())
        keeper = _keeper(script)
        slow = asyncio.Event()

        async def connect() -> ClientSession:
            if len(script.times) == 19:
                await slow.wait()
            return await script.connect()

        keeper._connect = connect
        task = asyncio.ensure_future(keeper.run())
        await asyncio.sleep(115)  # attempt 20 has begun
        assert keeper.status.state is KeeperState.CONNECTING
        keeper.hurry()
        await asyncio.sleep(10)
        slow.set()
        await asyncio.sleep(0.1)
        assert keeper.session is not None
        await _stop(task)

    run(main())


def test_a_hurry_while_it_is_up_is_not_kept_for_later() -> None:
    async def main() -> None:
        first = FakeSession()
        script = Script(first, FakeSession())
        keeper = _keeper(script)
        task = asyncio.ensure_future(keeper.run())
        await keeper.wait_session(1)
        await asyncio.sleep(100)
        keeper.hurry()
        first.closed.set_result(Unreachable("session-lost", "gone"))
        await asyncio.sleep(1.9)
        assert len(script.times) == 1
        await asyncio.sleep(0.2)
        assert len(script.times) == 2
        await _stop(task)

    run(main())


def test_a_session_that_held_a_minute_starts_the_delays_from_the_beginning() -> None:
    async def main() -> None:
        first = FakeSession()
        script = Script(*_unreachable(12), first)
        keeper = _keeper(script)
        task = asyncio.ensure_future(keeper.run())
        await keeper.wait_session(100)
        await asyncio.sleep(61)
        first.closed.set_result(Unreachable("session-lost", "gone"))
        await asyncio.sleep(2.1)
        assert len(script.times) == 14
        await _stop(task)

    run(main())


def test_sessions_that_die_at_once_are_backed_off_from() -> None:
    async def main() -> None:
        script = Script()
        keeper = _keeper(script)
        began: list[float] = []

        async def connect() -> ClientSession:
            began.append(asyncio.get_running_loop().time())
            session = FakeSession()
            session.closed.set_result(None)
            return cast(ClientSession, session)

        keeper._connect = connect
        task = asyncio.ensure_future(keeper.run())
        await asyncio.sleep(3600)
        assert 100 < len(began) < 150
        assert keeper.status.error is not None and keeper.status.error.code == "session-lost"
        await _stop(task)

    run(main(), timeout_s=1e4)


@pytest.mark.parametrize("fault", [KeyError("x"), OSError(5, "I/O"), AssertionError(), ValueError("x")])
def test_a_failure_that_nobody_mapped_is_reported_and_tried_again(
    fault: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        session = FakeSession()
        steps = [fault]

        async def connect() -> ClientSession:
            if steps:
                raise steps.pop()
            return cast(ClientSession, session)

        seen: list[KeeperStatus] = []
        keeper = SessionKeeper(connect, on_change=seen.append)
        task = asyncio.ensure_future(keeper.run())
        assert await keeper.wait_session(35) is cast(ClientSession, session)
        assert seen[1].error is not None and seen[1].error.code == "internal"
        await _stop(task)

    run(main())
    assert "unexpected failure" in caplog.text


def test_who_was_served_by_a_dead_session_waits_for_another() -> None:
    async def main() -> None:
        first, second = FakeSession(), FakeSession()
        keeper = _keeper(Script(first, second))
        task = asyncio.ensure_future(keeper.run())
        was = await keeper.wait_session(1)
        waiting = asyncio.ensure_future(keeper.wait_session(35, other_than=was))
        await asyncio.sleep(1)
        first.closed.set_result(None)
        assert await waiting is cast(ClientSession, second)
        await _stop(task)

    run(main())


@pytest.mark.parametrize(("answers", "takes_s"), [(True, 0.0), (False, SSH_LEAVE_S)])
def test_who_is_stopped_takes_leave_and_waits_for_nobody(answers: bool, takes_s: float) -> None:
    async def main() -> None:
        session = FakeSession()
        session.answers = answers
        keeper = _keeper(Script(session))
        task = asyncio.ensure_future(keeper.run())
        await keeper.wait_session(5)
        loop = asyncio.get_running_loop()
        began = loop.time()
        await _stop(task)
        assert loop.time() - began == pytest.approx(takes_s)
        assert (session.said_goodbye, session.aborted, keeper.session) == (True, True, None)

    run(main())


def test_a_session_that_is_lost_is_not_taken_leave_of() -> None:
    async def main() -> None:
        session = FakeSession()
        keeper = _keeper(Script(session))
        task = asyncio.ensure_future(keeper.run())
        await keeper.wait_session(5)
        session.closed.set_result(Unreachable("session-lost", "gone"))
        await asyncio.sleep(0.1)
        assert (session.said_goodbye, session.aborted) == (False, True)
        await _stop(task)

    run(main())


def test_it_counts_how_often_it_came_back_and_how_long_that_took() -> None:
    async def main() -> None:
        first, second, third = FakeSession(), FakeSession(), FakeSession()
        gone = Unreachable("session-lost", "gone")
        keeper = _keeper(Script(gone, first, gone, second, third))
        assert keeper.counters() == SessionCounters(False, 0, 0, None, 0.0, None)
        task = asyncio.ensure_future(keeper.run())
        await keeper.wait_session(35)
        # To come up the first time, however late, is no recovery.
        assert keeper.counters() == SessionCounters(True, 1, 0, None, 0.0, 0.02)
        first.closed.set_result(gone)
        await asyncio.sleep(1)
        assert keeper.counters() == SessionCounters(False, 1, 0, None, 0.0, None)
        await keeper.wait_session(35)
        assert keeper.counters() == SessionCounters(True, 2, 1, 4.0, 4.0, 0.02)  # the second attempt
        await asyncio.sleep(100)
        second.closed.set_result(None)
        await asyncio.sleep(1)
        await keeper.wait_session(35)
        assert keeper.counters() == SessionCounters(True, 3, 2, 2.0, 6.0, 0.02)
        await _stop(task)

    run(main())
