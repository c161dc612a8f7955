from __future__ import annotations

from typing import cast

import pytest

from tests.kit.clock import run
from tunnel_whisperer.base.errors import Refused
from tunnel_whisperer.base.limits import MAX_INVITATIONS, SERVICE_BURST
from tunnel_whisperer.base.services import ABOUT, CLAIM, JOIN
from tunnel_whisperer.base.values import HostPort
from tunnel_whisperer.server import Services
from tunnel_whisperer.ssh.endpoint import ServerSession


class FakeSession:
    def __init__(self, key: str = "ssh-ed25519 AAAA") -> None:
        self.public_key = key
        self.closed: list[str] = []

    def close(self, reason: str, code: str = "") -> None:
        self.closed.append(reason)


def _session(fake: FakeSession) -> ServerSession:
    return cast(ServerSession, fake)


def _services(invited: set[str]) -> Services:
    return Services(invited.__contains__, lambda who, question: b"", lambda who, question: b"")


def test_a_guest_may_claim_and_a_user_may_ask_about_himself() -> None:
    async def main() -> None:
        services = _services({"ssh-ed25519 AAAA"})
        session = _session(FakeSession())
        assert services.open_for_guest(session, CLAIM) is not None
        assert services.open_for_user(session, ABOUT) is not None
        for target in (ABOUT, JOIN, HostPort("127.0.0.1", 5432), HostPort("claim.tw.invalid", 2)):
            with pytest.raises(Refused):
                services.open_for_guest(session, target)
        for target in (CLAIM, JOIN, HostPort("about.tw.invalid", 2)):
            with pytest.raises(Refused):
                services.open_for_user(session, target)

    run(main())


def test_a_guest_whose_invitation_is_over_is_refused_and_put_out() -> None:
    async def main() -> None:
        invited = {"a", "b"}
        services = _services(invited)
        one, other = FakeSession("a"), FakeSession("b")
        services.guest_came(_session(one))
        services.guest_came(_session(other))
        invited.remove("a")
        with pytest.raises(Refused, match="over"):
            services.open_for_guest(_session(one), CLAIM)
        services.recheck()
        assert (one.closed, other.closed) == (["this invitation is over"], [])
        services.guest_left(_session(one))
        services.recheck()
        assert len(one.closed) == 1
        await services.close()
        assert other.closed == ["the server is shutting down"]

    run(main())


def test_guests_are_limited_in_number_and_in_questions() -> None:
    async def main() -> None:
        services = _services({"x"})
        fakes = [FakeSession("x") for _ in range(MAX_INVITATIONS + 1)]
        for fake in fakes:
            services.guest_came(_session(fake))
        assert [bool(fake.closed) for fake in fakes] == [True] + [False] * MAX_INVITATIONS
        for fake in fakes[:SERVICE_BURST]:
            services.open_for_guest(_session(fake), CLAIM)
        with pytest.raises(Refused, match="too often"):
            services.open_for_guest(_session(fakes[0]), CLAIM)

    run(main())
