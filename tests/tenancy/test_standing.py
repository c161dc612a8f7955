from __future__ import annotations

import uuid
from dataclasses import replace

from tunnel_whisperer.base.values import Grant
from tunnel_whisperer.tenancy import Change, Standing, User

ALICE = User("alice", uuid.UUID(int=1), "ssh-ed25519 AAAA", (Grant.parse("5432"),), 1e9)


def test_who_has_no_line_is_out_and_who_has_expired_is_not() -> None:
    out = {standing for standing in Standing if standing.is_out}
    assert out == {Standing.INVITED, Standing.UNREGISTERED, Standing.OUT}


def test_a_new_file_is_needed_when_the_revision_is_another() -> None:
    def needs(after: User) -> bool:
        return Change(ALICE, after, Standing.LET_IN, Standing.LET_IN).needs_new_file

    assert needs(replace(ALICE, revision=2))
    assert not needs(replace(ALICE, expires=2e9))
