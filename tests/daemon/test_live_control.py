"""What is taken away ends at once, and everybody concerned learns why: seen on the whole."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path

import pytest

from tests.kit.clock import real_run
from tests.kit.world import Role, World
from tunnel_whisperer.audit import Record, select, verify
from tunnel_whisperer.base.errors import TwError
from tunnel_whisperer.base.values import HostPort
from tunnel_whisperer.daemon.client_root import ClientRoot
from tunnel_whisperer.profile import Profile
from tunnel_whisperer.ssh.keeper import KeeperState
from tunnel_whisperer.tenancy import TenantBook, User, UserBook

Scenario = Callable[["Scene"], Coroutine[None, None, None]]
Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Scene:
    """Server ``plant``; alice, connected, may reach two echoes."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.server: Profile
        self.serving: Role
        self.alice: Profile
        self.role: Role
        self.root: ClientRoot
        self.targets: tuple[HostPort, HostPort]

    async def stand(self) -> None:
        self.server = self.world.enroll("plant")
        self.serving = self.world.serve(self.server)
        await self.serving.up()
        self.targets = await self.world.echo(), await self.world.echo()
        self.alice = self.world.let_in(self.server, "alice", *self.targets)
        self.role, self.root = await self.world.connect(self.alice)
        await self.role.up()

    async def open(self, port: int = 0) -> Stream:
        """A connection that carries something."""
        assert self.root.tunnel is not None
        address = self.root.tunnel.ports[port].address
        reader, writer = await asyncio.open_connection(address.host, address.port)
        await self.carries((reader, writer))
        return reader, writer

    @staticmethod
    async def carries(stream: Stream) -> None:
        stream[1].write(b"hello")
        async with asyncio.timeout(5):
            assert await stream[0].readexactly(5) == b"hello"

    @staticmethod
    async def is_reset(stream: Stream) -> None:
        async with asyncio.timeout(5):
            with pytest.raises(ConnectionError):
                await stream[0].readexactly(1)
        stream[1].close()

    def edit(self, change: Callable[[User], User]) -> None:
        UserBook(self.server).edit("alice", change)

    async def recorded(self, event: str, profile: Profile | None = None) -> Record:
        """The first record of this kind that comes; the chain holds."""
        directory = (profile or self.server).audit
        async with asyncio.timeout(5):
            while True:
                for record in select(directory, lambda record: record.event == event):
                    assert verify(directory).broken is None
                    return record
                await asyncio.sleep(0.02)


@pytest.fixture
def play(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Scenario], None]:
    """With the intervals that people have: what is claimed is claimed of those."""
    monkeypatch.setattr("tunnel_whisperer.base.backoff._STEPS", (0.05,) * 100)
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)

    def run(scenario: Scenario) -> None:
        async def main() -> None:
            async with World(tmp_path) as world:
                scene = Scene(world)
                await scene.stand()
                await scenario(scene)

        real_run(main(), timeout_s=30)

    return run


def _soon(scene: Scene) -> None:
    """Alice's time ends when this second does, or the next."""
    scene.edit(lambda user: replace(user, expires=float(int(time.time()) + 1)))


@pytest.mark.parametrize(
    ("take_away", "why"),
    [
        (lambda scene: UserBook(scene.server).delete("alice"), "this user was removed"),
        (lambda scene: UserBook(scene.server).unregister("alice"), "this user was removed"),
        (_soon, "this user has expired"),
    ],
    ids=["deleted", "unregistered", "expired"],
)
def test_a_user_who_is_let_in_no_more_is_put_out_within_a_second_and_told_why(
    take_away: Callable[[Scene], object], why: str, play: Callable[[Scenario], None]
) -> None:
    async def scenario(scene: Scene) -> None:
        stream = await scene.open()
        before = len(scene.role.statuses)
        began = time.monotonic()
        take_away(scene)
        error = await scene.role.failed(before)
        assert time.monotonic() - began < (2.1 if "expired" in why else 1)
        assert (error.code, error.why) == ("user-not-active", f"the server ended the session: {why}")
        assert "server's admin" in error.hint
        await scene.is_reset(stream)
        assert (await scene.recorded("channel-closed")).fields["why"] == why
        ended = await scene.recorded("session-ended")
        assert (ended.who, ended.fields["why"]) == ("user:alice", why)
        # It goes on asking, politely: the admin may let the user in again.
        waiting = await scene.role.until(
            lambda status: status.error is not None and "key is not let in" in str(status.error), before
        )
        assert waiting.state is not KeeperState.ENDED

    play(scenario)


def test_a_grant_that_is_taken_back_ends_its_connections_and_the_client_is_told_why(
    play: Callable[[Scenario], None], caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario(scene: Scene) -> None:
        taken, kept = await scene.open(0), await scene.open(1)
        sessions = len(scene.role.statuses)
        scene.edit(lambda user: replace(user, own_grants=user.own_grants[1:]))
        began = time.monotonic()
        await scene.is_reset(taken)
        assert time.monotonic() - began < 1
        await scene.carries(kept)
        kept[1].close()
        assert len(scene.role.statuses) == sessions
        closed = await scene.recorded("channel-closed")
        why = f"{scene.targets[0]} is no longer granted"
        assert (closed.fields["target"], closed.fields["why"]) == (str(scene.targets[0]), why)
        assert (closed.fields["bytes_up"], closed.fields["bytes_down"]) == (5, 5)
        assert f"reset: the other end reset the connection: {why}" in _told(caplog, "tw.tunnel.forward")

    with caplog.at_level("INFO"):
        play(scenario)


def _told(caplog: pytest.LogCaptureFixture, name: str) -> str:
    return "\n".join(record.getMessage() for record in caplog.records if record.name == name)


def test_with_one_session_at_a_time_the_newest_machine_wins_and_the_older_one_stops(
    play: Callable[[Scenario], None],
) -> None:
    async def scenario(scene: Scene) -> None:
        scene.edit(lambda user: replace(user, single_session=True))
        stream = await scene.open()
        laptop = Profile(scene.world.directory / "laptop")
        shutil.copytree(scene.alice.directory, laptop.directory)
        role, _ = await scene.world.connect(laptop)
        await role.up()
        stopped = await scene.role.until(lambda status: status.state is KeeperState.ENDED)
        assert stopped.error is not None
        assert stopped.error.code == "session-replaced"
        assert "a newer session of this user began" in str(stopped.error)
        assert scene.role.task is not None
        await asyncio.wait((scene.role.task,), timeout=5)
        assert scene.role.task.done()
        await scene.is_reset(stream)
        await asyncio.sleep(0.3)  # some of these back-offs
        assert [status.state for status in role.statuses] == [KeeperState.CONNECTING, KeeperState.UP]
        assert "newer session" in str((await scene.recorded("session-ended")).fields["why"])

    play(scenario)


def test_a_server_that_is_removed_is_cut_off_at_once_with_its_users_and_told_why(
    play: Callable[[Scenario], None], caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario(scene: Scene) -> None:
        stream = await scene.open()
        await asyncio.sleep(0.6)  # until the watch, which was not asked, has seen the enrolment
        marks = len(scene.role.statuses), len(scene.serving.statuses)
        TenantBook(scene.world.relay_profile).remove("plant")
        began = time.monotonic()
        lost, cut = await scene.serving.failed(marks[1]), await scene.role.failed(marks[0])
        assert time.monotonic() - began < 1
        assert "this server was removed from the relay" in str(lost)
        assert isinstance(cut, TwError)
        await scene.is_reset(stream)
        relay = scene.world.relay_profile
        closed = await scene.recorded("stream-closed", relay)
        assert closed.fields["why"] == "this server was removed at the relay"
        assert "removed from the relay" in (await scene.recorded("session-ended", relay)).fields["why"]
        removed = await scene.recorded("tenant-removed", relay)
        assert removed.who.startswith("admin:")
        # Certificate and path are nobody's any more.
        codes = {"certificate-refused", "relay-refused"}
        await scene.role.until(
            lambda status: status.error is not None and status.error.code in codes, marks[0]
        )

    with caplog.at_level("INFO"):
        play(scenario)
    assert "plant: tenant removed" in caplog.text


def test_a_relay_that_stops_does_not_claim_that_anybody_was_removed(
    play: Callable[[Scenario], None], caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario(scene: Scene) -> None:
        stream = await scene.open()
        before = len(scene.serving.statuses)
        await scene.world.stop_relay()
        lost = await scene.serving.failed(before)
        assert "the relay is shutting down" in str(lost)
        await scene.is_reset(stream)
        relay = scene.world.relay_profile
        assert (await scene.recorded("session-ended", relay)).fields["why"] == "the relay is shutting down"
        assert (await scene.recorded("stream-closed", relay)).fields["why"] == "the relay is shutting down"
        assert (await scene.recorded("role-stopped", relay)).fields["why"] == "stopped"

    with caplog.at_level("INFO"):
        play(scenario)
    assert "removed" not in caplog.text


def test_a_server_that_hangs_is_replaced_and_its_clients_find_the_new_one_at_once(
    play: Callable[[Scenario], None],
) -> None:
    async def scenario(scene: Scene) -> None:
        stream = await scene.open()
        before = len(scene.role.statuses)
        newer = scene.world.serve(scene.server)
        await newer.up()
        began = time.monotonic()
        await scene.role.up(before)
        assert time.monotonic() - began < 1
        await scene.is_reset(stream)
        (await scene.open())[1].close()
        closed = await scene.recorded("stream-closed", scene.world.relay_profile)
        assert closed.fields["why"] == "a newer session of the server took over"
        # Two that live do not throw each other out for ever.
        await asyncio.sleep(0.3)
        assert scene.serving.statuses[-1].state is newer.statuses[-1].state is KeeperState.UP

    play(scenario)


def test_a_whole_visit_is_in_both_records(play: Callable[[Scenario], None]) -> None:
    async def scenario(scene: Scene) -> None:
        reader, writer = await scene.open()
        writer.write_eof()
        assert await reader.read() == b"<end>"
        writer.close()
        await scene.recorded("channel-closed")
        await scene.world.stop(scene.role)
        await scene.recorded("session-ended")
        await scene.recorded("stream-closed", scene.world.relay_profile)
        await scene.world.stop(scene.serving)
        await scene.recorded("role-stopped")
        await scene.recorded("session-ended", scene.world.relay_profile)
        seen = [record.event for record in select(scene.server.audit, lambda record: True)]
        data_path = [event for event in seen if not event.startswith("user-")]
        assert data_path == [
            "role-started", "login", "channel-opened", "channel-closed", "session-ended", "role-stopped"
        ]  # fmt: skip
        closed = await scene.recorded("channel-closed")
        assert (closed.fields["bytes_up"], closed.fields["bytes_down"]) == (5, 10)
        assert closed.fields["why"] == "closed in order"
        seen = [record.event for record in select(scene.world.relay_profile.audit, lambda record: True)]
        assert seen == [
            "role-started", "tenant-enrolled", "login", "stream-opened", "stream-closed", "session-ended"
        ]  # fmt: skip

    play(scenario)
