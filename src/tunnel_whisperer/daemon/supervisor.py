"""The one long-running process of an identity: holds its lock, runs its role, tells how it stands.

A role that fails in a way that time may mend is started again with backoff; one that no waiting
mends (a wrong key, another machine with the same identity) is left until a file of the identity
changes or somebody asks. The process itself goes on, so that a dashboard can say why.

States of the role:

    empty      no identity here yet             -> starting, when there is one
    elsewhere  a relay on a machine of its own  -> nothing runs here
    stopped    somebody stopped it              -> starting, when asked
    starting   made, its ports are opened       -> running | waiting | failed
    running    it serves                        -> waiting | failed | stopped
    waiting    failed; tried again by itself    -> starting
    failed     failed; waits for a change       -> starting
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Hashable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from types import TracebackType
from typing import Any, Self

from ..audit import AUDIT_HEAD
from ..base.backoff import Backoff
from ..base.errors import Broken, Misuse, Retry, TwError
from ..base.tasks import TaskSet
from ..base.values import Grant
from ..profile import Contexts, Profile, load_config, running
from ..ssh.keeper import KeeperStatus
from .changes import Changes, Topic
from .health import FAILED, WAITING, row
from .jobs import Jobs
from .role_run import Root, run_role
from .snapshot import keep_snapshot
from .statistics import Statistics
from .watch import file_stamp, watch

__all__ = ["RoleState", "RoleStatus", "Supervisor", "users_stamp"]

_log = logging.getLogger("tw.daemon.supervisor")

_MAY_PASS = {"port-in-use", "state-not-written", "file-unreadable", "timeout", "too-many", "internal"}
"""Codes of failures that are nobody's choice: another program may end, a disk be emptied."""


class RoleState(StrEnum):
    """How the role of this process stands; see the module."""

    EMPTY = "empty"
    ELSEWHERE = "elsewhere"
    STOPPED = "stopped"
    STARTING = "starting"
    RUNNING = "running"
    WAITING = "waiting"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class RoleStatus:
    """The role at one moment."""

    state: RoleState
    since: float
    """Unix time."""
    error: TwError | None = None
    """Why it waits, or failed."""
    retry_at: float | None = None
    """Unix time of the next attempt."""
    starts: int = 0
    """How often it was started."""


Started = Callable[[Root], None]


class Supervisor:
    """See the module. A ``with`` block holds the identity's lock; ``run`` is awaited inside it.

    Args:
        contexts: of this machine.
        profile: of the identity that is served first.
        command: as people know this process, such as ``tw serve``.
        pinned: it serves this identity and no other.
        wanted: whether the role is to run from the beginning.
        fatal: a failure that no waiting mends ends ``run``, as a command without a dashboard needs it.
        remap: of a client: other local ports, for this run.
        on_started, on_session: told of each start, and of each status of the session.

    Raises:
        Misuse: on entering, ``already-running``.
    """

    def __init__(
        self,
        contexts: Contexts,
        profile: Profile,
        *,
        command: str,
        pinned: bool = False,
        wanted: bool = True,
        fatal: bool = False,
        remap: Sequence[Grant] = (),
        on_started: Started = lambda root: None,
        on_session: Callable[[KeeperStatus], None] = lambda status: None,
        play: Callable[..., Any] = run_role,
        keep: Callable[..., Coroutine[Any, Any, None]] = keep_snapshot,
        wall_clock: Callable[[], float] = time.time,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self.contexts = contexts
        self.profile = profile
        self.command = command
        self.pinned = pinned
        self.changes = Changes()
        self.jobs = Jobs(lambda: self.changes.mark(Topic.JOBS))
        self.root: Root | None = None
        """Of the role that runs."""
        self._counted: tuple[Profile, Statistics] | None = None
        self._wanted = wanted
        self._fatal = fatal
        self._remap = remap
        self._on_started = on_started
        self._on_session = on_session
        self._play = play
        self._keep = keep
        self._wall_clock = wall_clock
        self._draw = draw
        self._backoff = Backoff(draw)
        self._again = asyncio.Event()
        self._role_ended = asyncio.Event()
        self._role_ended.set()
        self._switching = asyncio.Lock()
        self._held = contextlib.ExitStack()
        self._tasks = TaskSet("supervisor", _log)
        self._status = RoleStatus(RoleState.STOPPED, wall_clock())

    def __enter__(self) -> Self:
        self._held.enter_context(running(self.profile, self.command))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._held.close()

    @property
    def status(self) -> RoleStatus:
        """How the role stands now."""
        return self._status

    def snapshot(self) -> dict[str, Any] | None:
        """What the running role tells of itself; None where none runs. On the loop."""
        if self.root is None or self._status.state is not RoleState.RUNNING:
            return None
        return self.root.snapshot()

    def start(self) -> None:
        """Run the role; a failure that was waited for is tried again at once. One that runs goes on, or a
        second click would end all connections."""
        if not self._wanted or self._status.state not in (RoleState.STARTING, RoleState.RUNNING):
            self.restart()

    def restart(self) -> None:
        """End the role and run it again with what the files say now."""
        self._wanted = True
        self._backoff = Backoff(self._draw)
        self._again.set()

    def stop(self) -> None:
        """Let the role end, and stay."""
        self._wanted = False
        self._again.set()

    async def switch(self, profile: Profile) -> None:
        """Serve another identity from now on; the old one's role has ended when this returns. Whoever is
        cancelled meanwhile does not stop it half-way. One at a time.

        Raises:
            Misuse: ``already-running`` when another process serves that one; ``bad-argument`` where
                this process is for one identity.
        """
        failure = await asyncio.shield(self._tasks.spawn(self._switch_in_turn(profile), "switch"))
        if failure is not None:
            raise failure

    async def _switch_in_turn(self, profile: Profile) -> TwError | None:
        """Returns why it was not done."""
        async with self._switching:
            try:
                await self._switch(profile)
            except TwError as exc:
                return exc
        return None

    async def _switch(self, profile: Profile) -> None:
        if profile == self.profile:
            self.restart()
            return
        if self.pinned:
            raise Misuse(
                "bad-argument",
                f"this {self.command} serves {self.profile.directory} and no other",
                hint="start tw dashboard without --context, or another service for the other context",
            )
        hold = contextlib.ExitStack()
        await asyncio.to_thread(hold.enter_context, running(profile, self.command))
        before, self._held = self._held, hold
        self.profile, self._wanted, self._remap = profile, True, ()
        self._again.set()
        try:
            await self._role_ended.wait()
        finally:
            before.close()
        self.changes.mark(*Topic)

    async def run(self) -> None:
        """Supervise until cancelled.

        Raises:
            TwError: of the role, where ``fatal`` was asked for.
        """
        self._tasks.spawn(self._look_around(), "look")
        try:
            while True:
                self._again.clear()
                await self._turn()
        finally:
            await self._tasks.drain()
            await self.jobs.close()

    # -- one turn -----------------------------------------------------------------------------------

    async def _turn(self) -> None:
        """From one decision to the next."""
        if not self._wanted:
            self._set(RoleState.STOPPED)
            async with self._telling():
                await self._again.wait()
            return
        try:
            idle = self._idle_state()
        except TwError as exc:
            await self._after_failure(exc, 0.0)
            return
        if idle is not None:
            self._set(idle)
            async with self._telling():
                await self._until_files_change()
            return
        await self._serve()

    def _idle_state(self) -> RoleState | None:
        """Where there is nothing to run."""
        if not self.profile.config.exists():
            return RoleState.EMPTY
        config = load_config(self.profile.config)
        return RoleState.ELSEWHERE if config.mode == "relay" and config.relay.kind == "standard" else None

    async def _serve(self) -> None:
        self._set(RoleState.STARTING, starts=self._status.starts + 1)
        files = self._identity_stamp()
        began = asyncio.get_running_loop().time()
        self._role_ended.clear()
        role = self._tasks.spawn(self._one_run(), "role")
        asked = self._tasks.spawn(self._again.wait(), "asked")
        try:
            await asyncio.wait((role, asked), return_when=asyncio.FIRST_COMPLETED)
        finally:
            asked.cancel()
            ended_itself = role.done()
            role.cancel()
            await asyncio.wait((role,))
            self.root = None
            self._role_ended.set()
        if ended_itself and (failure := _failure_of(role)) is not None:
            await self._after_failure(failure, asyncio.get_running_loop().time() - began, files)

    async def _one_run(self) -> TwError | None:
        """Returns why it ended."""
        try:
            await self._play(self.profile, self._started, remap=self._remap, on_session=self._session_changed)
        except TwError as exc:
            return exc
        except Exception as exc:  # noqa: BLE001 - the process goes on, and says so
            _log.exception("the role failed unexpectedly")
            return Broken("internal", f"{type(exc).__name__}: {exc}", hint="report this")
        return Broken("internal", "the role ended by itself", hint="report this")

    async def _after_failure(self, failure: TwError, lasted_s: float, files: Hashable | None = None) -> None:
        """``files``: the identity's, as they were when the role began."""
        passing = failure.retry is not Retry.NEVER or failure.code in _MAY_PASS
        if self._fatal and not isinstance(failure, Broken):
            raise failure
        if not passing:
            _log.error("%s: %s; it is started again when its files change", failure.code, failure)
            self._set(RoleState.FAILED, failure)
            async with self._telling():
                await self._until_files_change(files if lasted_s < _YOUNG_S else None)
            return
        self._backoff.connection_ended(lasted_s)
        delay = self._backoff.next_delay()
        _log.warning("%s: %s; starting again in %.0f s", failure.code, failure, delay)
        self._set(RoleState.WAITING, failure, retry_at=self._wall_clock() + delay)
        with contextlib.suppress(TimeoutError):
            async with self._telling(), asyncio.timeout(delay):
                await self._again.wait()

    @contextlib.asynccontextmanager
    async def _telling(self) -> AsyncIterator[None]:
        """Where no role runs that would tell it, ``tw status`` hears from us how it stands."""
        telling = self._tasks.spawn(self._keep(self.profile, self._idle_snapshot), "telling")
        try:
            yield
        finally:
            telling.cancel()
            await asyncio.wait((telling,))

    def _idle_snapshot(self) -> dict[str, Any]:
        status = self._status
        words = _IDLE_WORDS[status.state]
        state = FAILED if status.error is not None else WAITING
        return {
            "role": None,
            "health": [row("role", state, words, status.error)],
            "config": {"changed": [], "error": None},
        }

    async def _until_files_change(self, first: Hashable | None = None) -> None:
        """``first``: what the role has seen of them; None: as they are now."""
        first = self._identity_stamp() if first is None else first
        looking = self._tasks.spawn(watch(self._identity_stamp, self._again.set, first), "files")
        try:
            await self._again.wait()
        finally:
            looking.cancel()

    def _identity_stamp(self) -> Hashable:
        profile = self.profile
        return file_stamp(
            (profile.config, profile.private_key, profile.host_key, profile.client_cert, profile.client_key)
        )

    # -- telling ------------------------------------------------------------------------------------

    def _started(self, root: Root) -> None:
        self.root = root
        if isinstance(found := getattr(root, "statistics", None), Statistics):  # a played role counts nothing
            if self._counted is not None and self._counted[0] == self.profile:
                found.continue_from(self._counted[1])
            self._counted = self.profile, found
        self._set(RoleState.RUNNING)
        self._on_started(root)

    def _session_changed(self, status: KeeperStatus) -> None:
        self.changes.mark(Topic.STATUS)
        self._on_session(status)

    def _set(
        self,
        state: RoleState,
        error: TwError | None = None,
        *,
        retry_at: float | None = None,
        starts: int | None = None,
    ) -> None:
        before = self._status
        self._status = RoleStatus(
            state, self._wall_clock(), error, retry_at, before.starts if starts is None else starts
        )
        if replace(before, since=0) != replace(self._status, since=0):
            self.changes.mark(Topic.STATUS)

    async def _look_around(self) -> None:
        """Notice what nobody tells: only while somebody watches. The first look has nothing to compare
        with, so it tells all: who watches may have read the state a moment before."""
        last: dict[Topic, object] = {}
        ticks = 0
        while True:
            await self.changes.watched()
            now = await self._world()
            self.changes.mark(
                *(topic for topic, value in now.items() if topic not in last or last[topic] != value)
            )
            last = now
            ticks += 1
            if ticks % _TICK_LOOKS == 0:
                self.changes.mark(Topic.TICK)
            await asyncio.sleep(_LOOK_S)

    async def _world(self) -> dict[Topic, object]:
        profile, contexts = self.profile, self.contexts
        stamps = await asyncio.to_thread(_stamps, profile, contexts)
        try:
            stamps[Topic.STATUS] = self.snapshot()
        except TwError as exc:
            stamps[Topic.STATUS] = str(exc)
        return stamps


_IDLE_WORDS = {
    RoleState.EMPTY: "there is no identity here yet",
    RoleState.ELSEWHERE: "it runs on a machine of its own",
    RoleState.STOPPED: "it was stopped; the process that would run it is there",
    RoleState.STARTING: "it is being started",
    RoleState.RUNNING: "it runs",
    RoleState.WAITING: "it failed, and is started again",
    RoleState.FAILED: "it failed, and is started again when its files change",
}
"""What it means that no role runs."""

_YOUNG_S = 60.0
"""A role that ends this early may not have seen what was mended meanwhile. One that ran for long has
renewed its certificate itself: that is no reason to begin again."""

_LOOK_S = 0.5
_TICK_LOOKS = 4


def _failure_of(role: asyncio.Task[TwError | None]) -> TwError | None:
    if role.cancelled():  # by something inside it: nobody here did
        return Broken("internal", "the role was cut off by itself", hint="report this")
    return role.result()


def users_stamp(profile: Profile) -> Hashable:
    """Changes with each act upon a server's users who are let in, and with who comes and goes."""
    return file_stamp(
        (
            profile.config,
            profile.users,
            profile.authorized_keys,
            profile.directory / "apps.yaml",
            profile.invites,
            profile.audit,
        )
    )


def _stamps(profile: Profile, contexts: Contexts) -> dict[Topic, object]:
    return {
        Topic.USERS: users_stamp(profile),
        Topic.SERVERS: file_stamp((profile.servers, profile.invites)),
        Topic.CONTEXTS: file_stamp((contexts.base / "contexts", contexts.base / "contexts" / "current")),
        Topic.CONFIG: file_stamp((profile.config,)),
        Topic.AUDIT: file_stamp((profile.audit / AUDIT_HEAD,)),
    }
