from __future__ import annotations

import asyncio
from typing import cast

import pytest

from tests.kit.clock import run
from tunnel_whisperer.base.errors import Misuse, Refused, TwError, Unreachable
from tunnel_whisperer.ssh.keeper import KeeperState, KeeperStatus, SessionKeeper
from tunnel_whisperer.ssh.session import ClientSession


class FakeSession:
    def __init__(self) -> None:
        self.closed: asyncio.Future[TwError | None] = asyncio.get_running_loop().create_future()
        self.aborted = False

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
        first, second, seen = FakeSession(), FakeSession(), []
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
        gaps = [round(b - a, 3) for a, b in zip(script.times, script.times[1:], strict=False)]
        assert gaps[:20] == [2] * 8 + [4] * 4 + [8] * 4 + [16] * 4
        await _stop(task)

    run(main())


@pytest.mark.parametrize(
    "error", [Refused("host-key-mismatch", "an impostor"), Misuse("bad-key", "cannot be read")]
)
def test_a_wrong_host_key_ends_it_without_a_storm(error: TwError) -> None:
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


def test_somebody_in_a_hurry_shortens_the_wait() -> None:
    async def main() -> None:
        script = Script(*[Unreachable("relay-unreachable", "x")] * 20, FakeSession())
        keeper = _keeper(script)
        task = asyncio.ensure_future(keeper.run())
        await asyncio.sleep(150)  # well into the long delays
        before = len(script.times)
        keeper.hurry()
        await asyncio.sleep(0.1)
        assert len(script.times) == before + 1
        await _stop(task)

    run(main())
