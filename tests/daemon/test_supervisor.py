"""The supervisor: what is started again, what is not, and who is told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from tests.kit.clock import real_run, run
from tunnel_whisperer.audit import Chain
from tunnel_whisperer.audit.record import Note
from tunnel_whisperer.base.counters import Counters, Traffic
from tunnel_whisperer.base.errors import Misuse, Refused, TwError, Unreachable
from tunnel_whisperer.base.limits import HISTORY_FINE_S
from tunnel_whisperer.daemon.changes import Topic
from tunnel_whisperer.daemon.snapshot import keep_snapshot, read_snapshot
from tunnel_whisperer.daemon.statistics import Statistics
from tunnel_whisperer.daemon.supervisor import RoleState, Supervisor
from tunnel_whisperer.profile import Contexts, Profile, who_runs
from tunnel_whisperer.tenancy import make_relay_identity


class Role:
    """A role that does what the test says, run after run."""

    def __init__(self, *ends: BaseException | float | None) -> None:
        self.ends = list(ends)
        self.began: list[float] = []
        self.cancelled = 0

    async def __call__(self, profile: Profile, started: Callable[[Any], None], **options: object) -> None:
        self.began.append(asyncio.get_running_loop().time())
        end = self.ends.pop(0) if self.ends else None
        if isinstance(end, TwError) and end.code == "bad-key":
            raise end
        started(self)
        try:
            if isinstance(end, float):
                await asyncio.sleep(end)
                raise Unreachable("timeout", "it took too long")
            if end is not None:
                raise end
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise

    def snapshot(self) -> dict[str, Any]:
        return {"role": "relay", "health": []}


async def _keep_nothing(profile: Profile, take: Callable[[], dict[str, Any]]) -> None:
    """In place of the file, which a thread writes: on a virtual clock that takes for ever."""
    assert take()["health"]
    await asyncio.Event().wait()


def _supervisor(tmp_path: Path, role: Role, **options: Any) -> Supervisor:
    profile = Profile(tmp_path)
    make_relay_identity(profile, "relay.test", listen="127.0.0.1:8443")
    return Supervisor(
        Contexts(tmp_path),
        profile,
        command="tw dashboard",
        play=role,
        draw=lambda: 0.5,
        **{"keep": _keep_nothing, **options},
    )


def _play(
    supervisor: Supervisor,
    scenario: Callable[[], Coroutine[Any, Any, None]],
    runner: Callable[[Coroutine[Any, Any, None]], None] = run,
) -> None:
    async def main() -> None:
        with supervisor:
            task = asyncio.get_running_loop().create_task(supervisor.run())
            try:
                await scenario()
            finally:
                task.cancel()
                await asyncio.wait((task,))
                if not task.cancelled():
                    task.result()

    runner(main())


async def _state(supervisor: Supervisor, wanted: RoleState) -> None:
    async with asyncio.timeout(600):
        while supervisor.status.state is not wanted:
            await asyncio.sleep(0.01)


def test_a_role_runs_holds_the_lock_and_ends_with_the_process(tmp_path: Path) -> None:
    role = Role()
    supervisor = _supervisor(tmp_path, role)

    async def scenario() -> None:
        await _state(supervisor, RoleState.RUNNING)
        who = who_runs(supervisor.profile)
        assert who is not None and who.command == "tw dashboard"
        assert supervisor.snapshot() == {"role": "relay", "health": []}

    _play(supervisor, scenario)
    assert role.cancelled == 1 and who_runs(supervisor.profile) is None


def test_a_failure_that_may_pass_is_tried_again_with_backoff(tmp_path: Path) -> None:
    role = Role(*[Misuse("port-in-use", "taken") for _ in range(10)])
    supervisor = _supervisor(tmp_path, role)

    async def scenario() -> None:
        await _state(supervisor, RoleState.WAITING)
        assert supervisor.status.error is not None and supervisor.status.error.code == "port-in-use"
        assert supervisor.status.retry_at is not None
        while len(role.began) < 11:
            await asyncio.sleep(0.1)
        await _state(supervisor, RoleState.RUNNING)
        assert supervisor.status.starts == 11

    _play(supervisor, scenario)
    gaps = [round(after - before) for before, after in zip(role.began, role.began[1:], strict=False)]
    assert gaps == [2] * 8 + [4] * 2


def test_an_unexpected_failure_is_a_fault_of_ours_and_no_end(tmp_path: Path) -> None:
    role = Role(RuntimeError("a bug"))
    supervisor = _supervisor(tmp_path, role)

    async def scenario() -> None:
        await _state(supervisor, RoleState.WAITING)
        assert supervisor.status.error is not None and supervisor.status.error.code == "internal"
        await _state(supervisor, RoleState.RUNNING)

    _play(supervisor, scenario)


def test_what_no_waiting_mends_waits_for_a_change_of_the_files(tmp_path: Path) -> None:
    role = Role(Misuse("bad-key", "damaged"))
    supervisor = _supervisor(tmp_path, role)

    async def scenario() -> None:
        await _state(supervisor, RoleState.FAILED)
        await asyncio.sleep(1200)
        assert len(role.began) == 1
        path = supervisor.profile.config
        path.write_text(path.read_text() + "\n# mended\n")
        await _state(supervisor, RoleState.RUNNING)

    _play(supervisor, scenario)


def test_a_session_that_was_replaced_is_not_fought_for(tmp_path: Path) -> None:
    role = Role(Refused("session-replaced", "another machine"))
    supervisor = _supervisor(tmp_path, role)

    async def scenario() -> None:
        await _state(supervisor, RoleState.FAILED)
        supervisor.start()
        await _state(supervisor, RoleState.RUNNING)

    _play(supervisor, scenario)


def test_a_command_without_a_dashboard_ends_with_the_reason(tmp_path: Path) -> None:
    supervisor = _supervisor(tmp_path, Role(Refused("session-replaced", "another machine")), fatal=True)
    with pytest.raises(Refused) as refused:
        _play(supervisor, lambda: asyncio.sleep(10))
    assert refused.value.code == "session-replaced"


def test_stop_start_and_restart(tmp_path: Path) -> None:
    role = Role()
    supervisor = _supervisor(tmp_path, role)

    async def scenario() -> None:
        await _state(supervisor, RoleState.RUNNING)
        supervisor.stop()
        await _state(supervisor, RoleState.STOPPED)
        assert role.cancelled == 1 and supervisor.snapshot() is None
        supervisor.start()
        await _state(supervisor, RoleState.RUNNING)
        supervisor.start()  # once more: nobody is cut off
        await asyncio.sleep(1)
        assert len(role.began) == 2
        supervisor.restart()
        await asyncio.sleep(1)
        await _state(supervisor, RoleState.RUNNING)
        assert len(role.began) == 3

    _play(supervisor, scenario)


def test_an_identity_that_comes_later_is_started(tmp_path: Path) -> None:
    role = Role()
    profile = Profile(tmp_path / "new")
    supervisor = Supervisor(
        Contexts(tmp_path / "new"), profile, command="tw dashboard", play=role, keep=_keep_nothing
    )

    async def scenario() -> None:
        await _state(supervisor, RoleState.EMPTY)
        make_relay_identity(profile, "relay.test", listen="127.0.0.1:8443")
        await _state(supervisor, RoleState.RUNNING)

    _play(supervisor, scenario)


def test_switching_ends_the_old_role_first_and_frees_its_lock(tmp_path: Path) -> None:
    role = Role()
    supervisor = _supervisor(tmp_path, role)
    contexts = supervisor.contexts

    async def scenario() -> None:
        await _state(supervisor, RoleState.RUNNING)
        before = supervisor.profile
        other = await asyncio.to_thread(
            lambda: contexts.create(
                "other",
                lambda profile: make_relay_identity(profile, "other.test", listen="127.0.0.1:8443"),
                activate=True,
            )
        )
        with supervisor.changes.watch() as watcher:
            await supervisor.switch(other.profile)
            assert role.cancelled == 1 and who_runs(before) is None
            assert Topic.CONTEXTS in await watcher.next()
        await _state(supervisor, RoleState.RUNNING)
        assert who_runs(other.profile) is not None

    _play(supervisor, scenario, real_run)


def test_a_pinned_process_does_not_switch_nor_does_one_to_a_context_in_use(tmp_path: Path) -> None:
    supervisor = _supervisor(tmp_path, Role(), pinned=True)

    async def scenario() -> None:
        await _state(supervisor, RoleState.RUNNING)
        with pytest.raises(Misuse) as refused:
            await supervisor.switch(Profile(tmp_path / "other"))
        assert refused.value.code == "bad-argument"
        supervisor.pinned = False
        with Supervisor(supervisor.contexts, Profile(tmp_path / "other"), command="tw serve"):
            with pytest.raises(Misuse) as busy:
                await supervisor.switch(Profile(tmp_path / "other"))
            assert busy.value.code == "already-running"
        assert supervisor.status.state is RoleState.RUNNING

    _play(supervisor, scenario, real_run)


def test_a_switch_goes_on_when_nobody_waits_for_it_and_two_take_turns(tmp_path: Path) -> None:
    ending = asyncio.Event()

    async def play(profile: Profile, started: Callable[[Any], None], **options: object) -> None:
        started(Role())
        try:
            await asyncio.Event().wait()
        finally:
            await ending.wait()

    supervisor = _supervisor(tmp_path, Role())
    supervisor._play = play
    before, second, third = supervisor.profile, Profile(tmp_path / "two"), Profile(tmp_path / "three")

    async def scenario() -> None:
        await _state(supervisor, RoleState.RUNNING)
        loop = asyncio.get_running_loop()
        first = loop.create_task(supervisor.switch(second))
        while supervisor.profile != second:
            await asyncio.sleep(0.01)
        first.cancel()
        again, last = (loop.create_task(supervisor.switch(where)) for where in (second, third))
        await asyncio.sleep(0.05)
        assert who_runs(before) is not None and who_runs(third) is None
        ending.set()
        await asyncio.gather(again, last)
        assert [who_runs(where) is not None for where in (before, second, third)] == [False, False, True]

    _play(supervisor, scenario, real_run)


def test_a_switch_before_the_role_was_looked_at(tmp_path: Path) -> None:
    supervisor = _supervisor(tmp_path, Role())

    async def main() -> None:
        with supervisor:
            await supervisor.switch(Profile(tmp_path / "other"))
            assert supervisor.profile == Profile(tmp_path / "other")

    real_run(main())


def test_what_was_mended_while_the_role_was_starting_is_a_change(tmp_path: Path) -> None:
    runs: list[int] = []

    async def play(profile: Profile, started: Callable[[Any], None], **options: object) -> None:
        runs.append(1)
        if len(runs) == 1:
            profile.config.write_text(profile.config.read_text() + "\n# mended\n")
            raise Misuse("bad-key", "it was damaged when it was read")
        started(Role())
        await asyncio.Event().wait()

    supervisor = _supervisor(tmp_path, Role())
    supervisor._play = play
    _play(supervisor, lambda: _state(supervisor, RoleState.RUNNING))


def test_a_role_that_cuts_itself_off_is_started_again(tmp_path: Path) -> None:
    role = Role(asyncio.CancelledError())
    supervisor = _supervisor(tmp_path, role)

    async def scenario() -> None:
        await _state(supervisor, RoleState.WAITING)
        assert supervisor.status.error is not None and supervisor.status.error.code == "internal"
        await _state(supervisor, RoleState.RUNNING)

    _play(supervisor, scenario)


def test_changes_are_seen_while_somebody_watches(tmp_path: Path) -> None:
    supervisor = _supervisor(tmp_path, Role())

    async def scenario() -> None:
        await _state(supervisor, RoleState.RUNNING)
        with supervisor.changes.watch() as watcher:
            seen: set[Topic] = set()
            await asyncio.sleep(1)
            supervisor.profile.servers.mkdir(exist_ok=True)
            (supervisor.profile.servers / "plant.json").write_text("{}")
            async with asyncio.timeout(10):
                while not {Topic.SERVERS, Topic.TICK} <= seen:
                    seen |= await watcher.next()

    _play(supervisor, scenario, real_run)


def test_where_no_role_runs_status_hears_why(tmp_path: Path) -> None:
    supervisor = _supervisor(tmp_path, Role(Misuse("bad-key", "damaged")), keep=keep_snapshot)

    async def scenario() -> None:
        await _state(supervisor, RoleState.FAILED)
        async with asyncio.timeout(10):
            while (told := read_snapshot(supervisor.profile)) is None:
                await asyncio.sleep(0.01)
        (row,) = told["health"]
        assert row["state"] == "failed" and row["error"]["code"] == "bad-key"
        supervisor.stop()
        await _state(supervisor, RoleState.STOPPED)
        async with asyncio.timeout(10):
            while (told := read_snapshot(supervisor.profile)) is None or told["health"][0]["error"]:
                await asyncio.sleep(0.01)
        supervisor.start()
        await _state(supervisor, RoleState.RUNNING)
        assert read_snapshot(supervisor.profile) is None  # the role itself tells from now on

    _play(supervisor, scenario, real_run)


def test_the_history_goes_on_when_the_role_is_started_again(tmp_path: Path) -> None:
    starts: list[_Counting] = []

    async def play(profile: Profile, started: Callable[[Any], None], **options: object) -> None:
        starts.append(_Counting())
        started(starts[-1])
        await asyncio.Event().wait()

    async def scenario() -> None:
        await asyncio.sleep(1)
        starts[0].look(10)
        supervisor.restart()
        await asyncio.sleep(1)
        starts[1].look(20)
        assert starts[1].statistics.history().up == (10.0, 20.0)

    supervisor = _supervisor(tmp_path, Role())
    supervisor._play = play
    _play(supervisor, scenario)


class _Counting(Role):
    """Counts what the test says."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.up = 0
        self.statistics = Statistics(self.counters, 9, clock=lambda: self.now)

    def counters(self) -> Counters:
        return Counters("relay", traffic=(Traffic(tenant="plant", up=self.up),))

    def look(self, rate: int) -> None:
        self.statistics.take()
        self.now, self.up = HISTORY_FINE_S, rate * int(HISTORY_FINE_S)
        self.statistics.take()


def test_who_watches_is_told_that_the_audit_record_grew(tmp_path: Path) -> None:
    async def scenario() -> None:
        with supervisor.changes.watch() as watcher:
            async with asyncio.timeout(5):
                while Topic.AUDIT not in await watcher.next():  # the first look tells all
                    pass
                Chain(supervisor.profile.audit).append([Note("login", "user:alice", 1.0, {})])
                while Topic.AUDIT not in await watcher.next():
                    pass

    supervisor = _supervisor(tmp_path, Role())
    _play(supervisor, scenario, real_run)
