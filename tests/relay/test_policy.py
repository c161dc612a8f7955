"""What a server may do at the relay's SSH."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import cast

import pytest

from tests.kit.clock import run
from tests.relay.test_gate import OTHER, PLANT
from tests.server.test_policy import Book
from tunnel_whisperer.base.errors import Refused
from tunnel_whisperer.base.limits import MAX_SESSIONS_PER_SERVER
from tunnel_whisperer.base.services import ABOUT, JOIN
from tunnel_whisperer.base.values import HostPort
from tunnel_whisperer.relay.journal import Journal
from tunnel_whisperer.relay.policy import RelayPolicy
from tunnel_whisperer.relay.rendezvous import Rendezvous
from tunnel_whisperer.ssh.endpoint import ServerSession
from tunnel_whisperer.ssh.service import ServiceDesk


class FakeSession:
    def __init__(self, user: str, public_key: str) -> None:
        self.user, self.public_key = user, public_key
        self.extra = {"address": HostPort("192.0.2.1", 4711)}
        self.closed: list[str] = []

    def close(self, reason: str) -> None:
        self.closed.append(reason)


def _setting() -> tuple[RelayPolicy, FakeSession, ServerSession, Rendezvous]:
    rendezvous = Rendezvous()
    policy = RelayPolicy(rendezvous)
    policy.set_tenants([PLANT, OTHER])
    fake = FakeSession("plant", PLANT.ssh_public_key)
    return policy, fake, cast(ServerSession, fake), rendezvous


def test_name_and_key_must_fit_together() -> None:
    policy, *_ = _setting()
    assert policy.authenticate("plant", PLANT.ssh_public_key)
    assert policy.authenticate("plant", PLANT.ssh_public_key + " comment")
    assert not policy.authenticate("plant", OTHER.ssh_public_key)
    assert not policy.authenticate("nobody", PLANT.ssh_public_key)


@pytest.mark.parametrize(
    "bind", ["127.0.0.1:20001", "0.0.0.0:20000", "localhost:20000", "[::1]:20000", "127.0.0.1:22"]
)
def test_a_server_listens_on_its_own_port_and_nowhere_else(bind: str) -> None:
    policy, _, session, rendezvous = _setting()
    assert not policy.listen(session, HostPort.parse(bind))
    assert not rendezvous.is_listening(HostPort.parse(bind))
    assert policy.listen(session, PLANT.listener)
    assert rendezvous.is_listening(PLANT.listener)


def test_it_is_known_since_when_a_server_is_there() -> None:
    times = iter([100.0, 200.0, 300.0, 400.0])
    policy = RelayPolicy(Rendezvous(), Journal(wall_clock=lambda: next(times)))
    policy.set_tenants([PLANT, OTHER])
    sessions = [
        cast(ServerSession, FakeSession(tenant.server_id, tenant.ssh_public_key))
        for tenant in (PLANT, OTHER, PLANT)
    ]
    for session in sessions:
        policy.session_opened(session)
    assert policy.online_since() == {"plant": 100.0, "other": 200.0}
    assert policy.online() == {"plant": 2, "other": 1}
    policy.session_closed(sessions[0], None)
    assert policy.online_since() == {"plant": 300.0, "other": 200.0}
    assert policy.online() == {"plant": 1, "other": 1}


def test_one_session_too_many_ends_the_oldest_of_the_same_server() -> None:
    policy, _, _, _ = _setting()
    fakes = [FakeSession("plant", PLANT.ssh_public_key) for _ in range(MAX_SESSIONS_PER_SERVER + 1)]
    stranger = FakeSession("other", OTHER.ssh_public_key)
    policy.session_opened(cast(ServerSession, stranger))
    for fake in fakes:
        policy.session_opened(cast(ServerSession, fake))
    assert [bool(fake.closed) for fake in fakes] == [True] + [False] * MAX_SESSIONS_PER_SERVER
    assert not stranger.closed


def test_the_relay_opens_no_connections() -> None:
    async def main() -> None:
        policy, _, session, _ = _setting()
        with pytest.raises(Refused):
            await policy.open(session, HostPort("127.0.0.1", 5432), HostPort("127.0.0.1", 1))

    run(main())


def test_a_tenant_that_goes_or_changes_its_key_is_put_out_and_others_stay() -> None:
    policy, fake, session, rendezvous = _setting()
    other = FakeSession("other", OTHER.ssh_public_key)
    policy.session_opened(session)
    policy.session_opened(cast(ServerSession, other))
    policy.listen(session, PLANT.listener)
    policy.set_tenants([PLANT, OTHER])
    assert fake.closed == []
    policy.set_tenants([replace(PLANT, ssh_public_key="ssh-ed25519 CCCC"), OTHER])
    assert fake.closed == ["this server was removed from the relay"]
    assert other.closed == []
    policy.session_closed(session, None)
    assert not rendezvous.is_listening(PLANT.listener)


def test_a_guest_may_ask_to_join_and_do_nothing_else() -> None:
    async def main() -> None:
        desk = ServiceDesk("join", lambda who, question: b"")
        policy = RelayPolicy(Rendezvous(), join=desk)
        guest = replace(PLANT, server_id="_abc", port=0, invited=True)
        policy.set_tenants([guest, OTHER])
        visitor = cast(ServerSession, FakeSession("_abc", guest.ssh_public_key))
        server = cast(ServerSession, FakeSession("other", OTHER.ssh_public_key))
        assert policy.authenticate("_abc", guest.ssh_public_key)
        assert await policy.open(visitor, JOIN, HostPort("127.0.0.1", 1)) is not None
        assert not policy.listen(visitor, guest.listener)
        assert not policy.listen(visitor, OTHER.listener)
        for session, target in ((visitor, ABOUT), (visitor, HostPort("127.0.0.1", 22)), (server, JOIN)):
            with pytest.raises(Refused):
                await policy.open(session, target, HostPort("127.0.0.1", 1))

    run(main())


def test_who_came_and_who_was_refused_is_recorded() -> None:
    book = Book()
    policy = RelayPolicy(Rendezvous(), Journal(book))
    policy.set_tenants([PLANT])
    policy.authenticate("plant", PLANT.ssh_public_key)
    policy.authenticate("plant", OTHER.ssh_public_key)
    policy.authenticate("nobody", PLANT.ssh_public_key)
    session = cast(ServerSession, FakeSession("plant", PLANT.ssh_public_key))
    policy.session_opened(session)
    policy.listen(session, HostPort("0.0.0.0", 20000))
    policy.session_closed(session, None)
    assert [(event, who) for event, who, _ in book.entries] == [
        ("login-refused", "tenant:plant"),
        ("login-refused", "stranger"),
        ("login", "tenant:plant"),
        ("listen-refused", "tenant:plant"),
        ("session-ended", "tenant:plant"),
    ]
    assert book.fields("login")["address"] == "192.0.2.1:4711"
    assert book.fields("session-ended")["why"] == "closed by the server"


def test_a_relay_that_stops_says_so_and_waits_for_the_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tunnel_whisperer.relay.policy._FAREWELL_S", 5.0)

    async def main() -> None:
        book = Book()
        policy = RelayPolicy(Rendezvous(), Journal(book))
        policy.set_tenants([PLANT])
        fakes = [FakeSession("plant", PLANT.ssh_public_key) for _ in range(2)]
        for fake in fakes:
            policy.session_opened(cast(ServerSession, fake))
        loop = asyncio.get_running_loop()

        loop.call_later(1, policy.session_closed, cast(ServerSession, fakes[0]), None)
        before = loop.time()
        await policy.close()
        assert [fake.closed for fake in fakes] == [["the relay is shutting down"]] * 2
        assert loop.time() - before == 5  # the other did not end
        assert book.events() == ["login", "login", "session-ended", "session-ended"]

    run(main())
