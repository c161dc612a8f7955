"""What a user may do at the server, asked at each channel open."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, cast

import pytest

from tests.kit.clock import real_run
from tests.kit.pipe import connect
from tests.kit.recorder import Recorder
from tunnel_whisperer.base.audit_events import AuditValue, unrecorded
from tunnel_whisperer.base.counters import Refusals, Traffic, UserSessions
from tunnel_whisperer.base.errors import Refused, TwError, Unreachable
from tunnel_whisperer.base.limits import MAX_SESSIONS_PER_USER
from tunnel_whisperer.base.services import ABOUT, CLAIM, INVITED
from tunnel_whisperer.base.values import HostPort
from tunnel_whisperer.net.listen import listen_local
from tunnel_whisperer.server.policy import TargetPolicy, UserSession
from tunnel_whisperer.server.services import Services
from tunnel_whisperer.ssh.authorized_keys import AccessRecord
from tunnel_whisperer.ssh.endpoint import ServerSession
from tunnel_whisperer.ssh.keys import generate_ed25519

ORIGIN = HostPort("127.0.0.1", 40000)


class FakeSession:
    """What the policy looks at."""

    def __init__(self, public_key: str) -> None:
        self.user = "tw"
        self.public_key = public_key
        self.extra = {"peername": ("192.0.2.7", 4711)}
        self.closed: list[tuple[str, str]] = []

    def close(self, reason: str, code: str = "") -> None:
        self.closed.append((code, reason))


class Book:
    """An audit record in memory."""

    def __init__(self) -> None:
        self.entries: list[tuple[str, str, dict[str, AuditValue]]] = []

    def __call__(self, event: str, who: str, /, **fields: AuditValue) -> None:
        unrecorded(event, who, **fields)
        self.entries.append((event, who, fields))

    def events(self) -> list[str]:
        return [event for event, _, _ in self.entries]

    def fields(self, event: str) -> dict[str, AuditValue]:
        """Of the one entry of this kind."""
        (found,) = [fields for name, _, fields in self.entries if name == event]
        return found


class Setting:
    """A record with one user, and a clock."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / "authorized_keys"
        self.key = " ".join(generate_ed25519()[1].split()[:2])
        self.now = 1_000_000_000.0
        self.book = Book()
        self.policy = TargetPolicy(AccessRecord(self.path), "tw", lambda: self.now, audit=self.book)
        self.fake = FakeSession(self.key)
        self.session = cast(ServerSession, self.fake)

    def grant(self, *options: str) -> None:
        words = ",".join([*options, "restrict", "port-forwarding"])
        self.path.write_text(f"{words} {self.key} alice@tw\n")

    def log_in(self, key: str = "") -> FakeSession:
        """Another session."""
        fake = FakeSession(key or self.key)
        self.policy.session_opened(cast(ServerSession, fake))
        return fake

    def open(self, target: HostPort) -> Coroutine[Any, Any, asyncio.Protocol]:
        if self.session not in self.policy.sessions:
            self.policy.session_opened(self.session)
        return self.policy.open(self.session, target, ORIGIN)


@pytest.fixture
def setting(tmp_path: Path) -> Setting:
    return Setting(tmp_path)


def _refusal(coro: Coroutine[Any, Any, Any]) -> TwError:
    async def main() -> TwError:
        with pytest.raises(TwError) as caught:
            await coro
        return caught.value

    return real_run(main())


def test_nobody_is_let_in_without_a_record(setting: Setting) -> None:
    assert not setting.policy.authenticate("tw", setting.key)
    assert _refusal(setting.open(HostPort("127.0.0.1", 5432))).code == "user-not-active"


def test_the_key_and_the_one_user_name_are_needed(setting: Setting) -> None:
    setting.grant('permitopen="127.0.0.1:5432"')
    assert setting.policy.authenticate("tw", setting.key)
    assert not setting.policy.authenticate("root", setting.key)
    assert not setting.policy.authenticate("tw", "ssh-ed25519 AAAA")


@pytest.mark.parametrize("target", ["127.0.0.1:5433", "127.0.0.2:5432", "localhost:5432", "[::1]:5432"])
def test_only_the_very_target_that_was_granted_is_opened(target: str, setting: Setting) -> None:
    setting.grant('permitopen="127.0.0.1:5432"')
    error = _refusal(setting.open(HostPort.parse(target)))
    assert isinstance(error, Refused)
    assert error.code == "not-authorised"


def test_a_key_without_permitopen_opens_nothing(setting: Setting) -> None:
    setting.grant()
    assert _refusal(setting.open(HostPort("127.0.0.1", 5432))).code == "not-authorised"


def test_expiry_is_checked_at_every_open(setting: Setting) -> None:
    setting.grant('permitopen="127.0.0.1:5432"', 'expiry-time="20010910000000Z"')
    assert setting.policy.authenticate("tw", setting.key)
    setting.now = 1_000_080_000.0
    assert not setting.policy.authenticate("tw", setting.key)
    assert _refusal(setting.open(HostPort("127.0.0.1", 5432))).code == "user-not-active"


def test_a_target_that_refuses_is_told_in_words(setting: Setting) -> None:
    async def main() -> None:
        listener = await listen_local(HostPort("127.0.0.1", 0), asyncio.Protocol)
        target = listener.bound_address
        await listener.close()
        setting.grant(f'permitopen="{target}"')
        with pytest.raises(Unreachable, match="refused") as caught:
            await setting.open(target)
        assert str(target) not in str(caught.value)  # the client, which asked, puts it in front
        assert caught.value.code == "target-refused"

    real_run(main())


def test_bytes_are_counted_as_the_client_counts_them(
    setting: Setting, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        target_end, app = Recorder(), Recorder()
        listener = await listen_local(HostPort("127.0.0.1", 0), lambda: target_end)
        setting.grant(f'permitopen="{listener.bound_address}"')
        protocol = await setting.open(listener.bound_address)
        ours, _ = connect(app, protocol)
        ours.write(b"four")
        await target_end.got(4)
        ours.abort()
        await target_end.got_lost()
        await listener.close()

    with caplog.at_level("INFO", "tw.server"):
        real_run(main())
    assert "4 bytes up, 0 bytes down" in caplog.text
    closed = setting.book.fields("channel-closed")
    assert (closed["bytes_up"], closed["bytes_down"]) == (4, 0)


def test_a_record_that_changes_ends_what_it_no_longer_allows(setting: Setting) -> None:
    async def main() -> None:
        ends = [Recorder(), Recorder()]
        queue = iter(ends)
        listener = await listen_local(HostPort("127.0.0.1", 0), lambda: next(queue))
        target = listener.bound_address
        setting.grant(f'permitopen="{target}"')
        setting.policy.session_opened(setting.session)
        await setting.open(target)
        setting.policy.recheck()
        await asyncio.sleep(0)
        assert not ends[0].lost

        setting.grant('permitopen="127.0.0.1:1"')
        setting.policy.recheck()
        await ends[0].got_lost()
        assert setting.fake.closed == []

        setting.path.write_text("")
        setting.policy.recheck()
        assert setting.fake.closed == [("user-not-active", "this user was removed")]
        await listener.close()

    real_run(main())


def test_it_can_be_told_who_is_there_since_when_and_what_for(setting: Setting) -> None:
    async def main() -> None:
        end = Recorder()
        listener = await listen_local(HostPort("127.0.0.1", 0), lambda: end)
        target = listener.bound_address
        setting.grant(f'permitopen="{target}"')
        assert setting.policy.survey() == []
        setting.policy.session_opened(setting.session)
        assert setting.policy.survey() == [UserSession("alice@tw", setting.now, ())]
        protocol = await setting.open(target)
        assert setting.policy.survey() == [UserSession("alice@tw", setting.now, (target,))]
        ours, _ = connect(Recorder(), protocol)
        ours.abort()
        await end.got_lost()
        setting.policy.session_closed(setting.session, None)
        assert setting.policy.survey() == []
        await listener.close()

    real_run(main())


def test_one_session_too_many_ends_the_oldest_of_the_same_user(setting: Setting) -> None:
    setting.grant()
    another = setting.log_in("ssh-ed25519 BBBB")
    fakes = [setting.log_in() for _ in range(MAX_SESSIONS_PER_USER + 1)]
    assert [bool(fake.closed) for fake in fakes] == [True] + [False] * MAX_SESSIONS_PER_USER
    assert not another.closed


SINGLE = 'environment="TW_SINGLE_SESSION=1"'


def test_with_one_session_at_a_time_the_newest_wins_and_nobody_else_is_touched(setting: Setting) -> None:
    setting.grant(SINGLE)
    another = setting.log_in("ssh-ed25519 BBBB")
    first, second, third = setting.log_in(), setting.log_in(), setting.log_in()
    replaced = ("session-replaced", "a newer session of this user began")
    assert first.closed[0] == second.closed[0] == replaced
    assert not third.closed and not another.closed


def test_who_may_have_one_session_from_now_on_keeps_the_newest(setting: Setting) -> None:
    setting.grant()
    first, second = setting.log_in(), setting.log_in()
    setting.policy.recheck()
    assert not first.closed
    setting.grant(SINGLE)
    setting.policy.recheck()
    assert first.closed[0][0] == "session-replaced"
    assert not second.closed


def test_an_expired_session_ends_with_the_reason(setting: Setting) -> None:
    setting.grant('expiry-time="20010910000000Z"')
    fake = setting.log_in()
    setting.policy.recheck()
    assert not fake.closed
    setting.now = 1_000_080_000.0
    setting.policy.recheck()
    assert fake.closed == [("user-not-active", "this user has expired")]


def test_the_whole_of_a_visit_is_recorded(setting: Setting) -> None:
    async def main() -> None:
        ends = [Recorder(), Recorder()]
        queue = iter(ends)
        listener = await listen_local(HostPort("127.0.0.1", 0), lambda: next(queue))
        target = listener.bound_address
        setting.grant(f'permitopen="{target}"')
        with pytest.raises(Refused):
            await setting.open(HostPort("127.0.0.1", 1))
        near, _ = connect(Recorder(), await setting.open(target))
        near.write(b"seven b")
        await ends[0].got(7)
        setting.now += 5
        setting.grant('permitopen="127.0.0.1:1"')
        setting.policy.recheck()
        await ends[0].got_lost()
        await asyncio.sleep(0.01)
        setting.policy.session_closed(setting.session, None)
        await listener.close()

        book = setting.book
        assert book.events() == [
            "login", "channel-refused", "channel-opened", "channel-closed", "session-ended"
        ]  # fmt: skip
        assert {who for _, who, _ in book.entries} == {"user:alice"}
        assert len({fields["session"] for _, _, fields in book.entries}) == 1
        login, refused = book.fields("login"), book.fields("channel-refused")
        assert login["address"] == "192.0.2.7:4711" and str(login["key"]).startswith("SHA256:")
        assert (refused["target"], refused["code"]) == ("127.0.0.1:1", "not-authorised")
        closed = book.fields("channel-closed")
        assert (closed["target"], closed["bytes_up"], closed["seconds"]) == (str(target), 7, 5)
        assert closed["why"] == f"{target} is no longer granted"
        assert book.fields("session-ended")["why"] == "closed by the client"

    real_run(main())


def test_keys_that_are_not_let_in_are_recorded(setting: Setting) -> None:
    setting.policy.authenticate("tw", setting.key)
    setting.policy.authenticate("tw", "ssh-rsa AAAA")
    setting.grant('expiry-time="20010101000000Z"')
    setting.policy.authenticate("tw", setting.key)
    setting.grant()
    setting.policy.authenticate("root", setting.key)
    setting.policy.authenticate("tw", setting.key)
    assert [(who, fields["why"]) for _, who, fields in setting.book.entries] == [
        ("stranger", "unknown key"),
        ("stranger", "unknown key"),
        ("user:alice", "has expired"),
        ("user:alice", "unknown user name 'root'"),
    ]


def test_a_server_that_stops_ends_its_sessions_with_a_word(
    setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tunnel_whisperer.server.policy._FAREWELL_S", 0.1)

    async def main() -> None:
        setting.grant()
        in_order, hanging = setting.log_in(), setting.log_in()
        session = next(iter(setting.policy.sessions))
        asyncio.get_running_loop().call_later(0.02, setting.policy.session_closed, session, None)
        await setting.policy.close()
        assert in_order.closed == hanging.closed == [("session-lost", "the server is shutting down")]
        assert setting.book.events() == ["login", "login", "session-ended", "session-ended"]
        assert not setting.policy.sessions

    real_run(main())


def test_a_user_has_so_many_connections_over_all_sessions(
    setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(setting.policy, "_max_per_user", 2)

    async def main() -> None:
        ends = [Recorder() for _ in range(3)]
        queue = iter(ends)
        listener = await listen_local(HostPort("127.0.0.1", 0), lambda: next(queue))
        target = listener.bound_address
        setting.grant(f'permitopen="{target}"', 'permitopen="127.0.0.1:1"')
        with pytest.raises(Unreachable):  # who did not get through takes no place
            await setting.open(HostPort("127.0.0.1", 1))
        far = []
        for _ in range(2):
            session = cast(ServerSession, setting.log_in())
            near, _ = connect(Recorder(), await setting.policy.open(session, target, ORIGIN))
            far.append(near)
        with pytest.raises(Refused) as caught:
            await setting.open(target)
        assert caught.value.code == "too-many"
        far[0].abort()
        await ends[0].got_lost()
        await asyncio.sleep(0.01)  # the end of our own side of it
        far.append(connect(Recorder(), await setting.open(target))[0])
        for transport in far[1:]:
            transport.abort()
        for end in ends:
            await end.got_lost()
        await listener.close()

    real_run(main())


def test_who_holds_too_much_is_reset(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tunnel_whisperer.server.policy.MAX_HELD_BYTES_PER_USER", 50_000)

    async def main() -> None:
        app, end = Recorder(), Recorder()
        listener = await listen_local(HostPort("127.0.0.1", 0), lambda: end)
        setting.grant(f'permitopen="{listener.bound_address}"')
        near, _ = connect(app, await setting.open(listener.bound_address))
        while end.transport is None:
            await asyncio.sleep(0)
        setting.policy.make_room()
        await asyncio.sleep(0)
        assert not app.lost
        end.transport.pause_reading()
        for _ in range(100):
            near.write(bytes(200_000))
            await asyncio.sleep(0)
        setting.policy.make_room()
        await app.got_lost()
        end.transport.abort()
        await listener.close()

    real_run(main())


def test_nothing_is_published_at_a_server(setting: Setting) -> None:
    setting.grant('permitlisten="127.0.0.1:20000"')
    assert not setting.policy.listen(setting.session, HostPort("127.0.0.1", 20000))


class Guests:
    """Invitations in memory, and the services that go with them."""

    def __init__(self, setting: Setting) -> None:
        self.keys: set[str] = set()
        self.services = Services(self.keys.__contains__, lambda who, q: b"", lambda who, q: b"")
        self.policy = TargetPolicy(
            AccessRecord(setting.path), "tw", lambda: setting.now, audit=setting.book, services=self.services
        )


def test_an_invitation_is_a_key_for_the_name_of_guests_and_for_no_other(tmp_path: Path) -> None:
    setting = Setting(tmp_path)
    guests = Guests(setting)
    setting.grant('permitopen="127.0.0.1:5432"')
    key = " ".join(generate_ed25519()[1].split()[:2])
    guests.keys.add(key)
    assert guests.policy.authenticate(INVITED, key)
    assert not guests.policy.authenticate("tw", key)
    assert not guests.policy.authenticate(INVITED, setting.key), "a user is no guest"
    assert not setting.policy.authenticate(INVITED, key), "without services nobody is invited"
    guests.keys.clear()
    assert not guests.policy.authenticate(INVITED, key)


def test_a_guest_is_no_user_and_is_not_shown_as_one(tmp_path: Path) -> None:
    async def main() -> None:
        setting = Setting(tmp_path)
        guests = Guests(setting)
        setting.grant('permitopen="127.0.0.1:5432"')
        fake = FakeSession(setting.key)
        fake.user = INVITED
        session = cast(ServerSession, fake)
        guests.keys.add(setting.key)
        guests.policy.session_opened(session)
        assert guests.policy.survey() == []
        with pytest.raises(Refused, match="nothing else"):
            await guests.policy.open(session, HostPort("127.0.0.1", 5432), ORIGIN)
        assert await guests.policy.open(session, CLAIM, ORIGIN) is not None
        guests.policy.recheck()
        assert fake.closed == []
        guests.keys.clear()
        guests.policy.recheck()
        assert [reason for _, reason in fake.closed] == ["this invitation is over"]
        guests.policy.session_closed(session, None)
        await guests.policy.close()

    real_run(main())


def test_a_user_who_is_let_in_may_ask_about_the_record_and_one_who_is_not_may_not(tmp_path: Path) -> None:
    async def main() -> None:
        setting = Setting(tmp_path)
        guests = Guests(setting)
        setting.grant('permitopen="127.0.0.1:5432"')
        guests.policy.session_opened(setting.session)
        assert await guests.policy.open(setting.session, ABOUT, ORIGIN) is not None
        with pytest.raises(Refused):
            await guests.policy.open(setting.session, CLAIM, ORIGIN)
        setting.path.write_text("")
        with pytest.raises(Refused, match="not let in"):
            await guests.policy.open(setting.session, ABOUT, ORIGIN)

    real_run(main())


def test_bytes_are_counted_by_user_and_port_while_they_pass(setting: Setting) -> None:
    async def main() -> None:
        target_end = Recorder()
        listener = await listen_local(HostPort("127.0.0.1", 0), lambda: target_end)
        target = listener.bound_address
        setting.grant(f'permitopen="{target}"')
        protocol = await setting.open(target)
        ours, _ = connect(Recorder(), protocol)
        ours.write(b"four")
        await target_end.got(4)
        counters = setting.policy.counters()
        assert counters.traffic == (Traffic("alice", "", target.port, 4, 0, 1, 1),)
        assert counters.sessions == (UserSessions("alice", 1, 1),)
        ours.abort()
        await target_end.got_lost()
        setting.policy.session_closed(setting.session, None)
        counters = setting.policy.counters()
        assert counters.traffic == (Traffic("alice", "", target.port, 4, 0, 0, 1),)
        assert counters.sessions == (UserSessions("alice", 0, 1),)
        await listener.close()

    real_run(main())


def test_what_is_refused_is_counted_by_reason(setting: Setting) -> None:
    setting.grant('permitopen="127.0.0.1:1"')
    setting.policy.authenticate("tw", "ssh-ed25519 AAAA")
    setting.policy.authenticate("root", setting.key)
    setting.policy.login_turned_away()
    for target in ("127.0.0.1:2", "127.0.0.1:3", "127.0.0.1:1"):  # nobody listens on the last one
        _refusal(setting.open(HostPort.parse(target)))
    setting.grant('expiry-time="20000101Z"', 'permitopen="127.0.0.1:1"')
    setting.policy.authenticate("tw", setting.key)
    _refusal(setting.open(HostPort("127.0.0.1", 1)))
    assert setting.policy.counters().refusals == (
        Refusals("channel", "not-authorised", 2),
        Refusals("channel", "target-refused", 1),
        Refusals("channel", "user-not-active", 1),
        Refusals("login", "expired", 1),
        Refusals("login", "too-many", 1),
        Refusals("login", "unknown-key", 1),
        Refusals("login", "unknown-name", 1),
    )
