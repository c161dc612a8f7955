"""The identities of a machine, changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tenancy.setting import joined
from tunnel_whisperer.base.errors import Misuse
from tunnel_whisperer.base.values import Grant
from tunnel_whisperer.operations.context_acts import (
    context_loss,
    context_named,
    context_of_id,
    create_context,
    delete_context,
    rename_context,
    use_context,
)
from tunnel_whisperer.operations.users import NewUser, create_user
from tunnel_whisperer.profile import Contexts, Profile, running
from tunnel_whisperer.tenancy import make_standard_relay_identity


@pytest.fixture
def contexts(tmp_path: Path) -> Contexts:
    """Of a machine that is a server."""
    return Contexts(joined(tmp_path).server.directory)


def _code(act: object) -> str:
    assert callable(act)
    with pytest.raises(Misuse) as caught:
        act()
    return caught.value.code


def test_one_is_made_and_switched_to_and_back(contexts: Contexts) -> None:
    server = context_named(contexts, None)
    with running(server.profile, "tw serve"):
        made = create_context(contexts, "second")
        assert (made.before, made.already) == (server, False)
        assert made.still_served is not None
        assert made.still_served.command == "tw serve"
    assert context_named(contexts, None) == made.now
    assert use_context(contexts, made.now).already
    back = use_context(contexts, server)
    assert (back.before, back.now, back.already, back.still_served) == (made.now, server, False, None)
    assert contexts.active() == server
    assert _code(lambda: create_context(contexts, "second")) == "exists"


def test_the_first_one_has_none_before_it(tmp_path: Path) -> None:
    contexts = Contexts(tmp_path / "new")
    assert create_context(contexts, "first").before is None


def test_programs_name_one_by_its_id_alone(contexts: Contexts) -> None:
    server = context_named(contexts, "plant")
    second = create_context(contexts, "second").now
    impostor = rename_context(contexts, server, second.id)
    assert impostor.name == second.id
    assert context_named(contexts, second.id) == impostor, "people mean the name"
    assert context_of_id(contexts, second.id) == second
    assert _code(lambda: context_of_id(contexts, "second")) == "no-such-name"
    assert _code(lambda: context_of_id(contexts, second.id[:3])) == "no-such-name"


def test_what_goes_is_told_before_it_goes(contexts: Contexts) -> None:
    server = context_named(contexts, None)
    create_user(server.profile, NewUser("alice", (Grant.parse("5432"),)))
    loss = context_loss(contexts, server)
    assert loss.what == "a server of relay.example, 1 user"
    assert loss.words == [
        "Its keys and records are lost for good.",
        "It is the only context: this resets tw on this machine.",
    ]
    assert server.profile.config.exists()
    done = delete_context(contexts, server)
    assert (done.slot, done.last) == ("plant", True)
    assert contexts.survey()[0] == []


def test_an_empty_one_loses_nothing(contexts: Contexts) -> None:
    server = context_named(contexts, None)
    second = create_context(contexts, "second").now
    assert _code(lambda: context_loss(contexts, second)) == "bad-argument", "it is active"
    use_context(contexts, server)
    loss = context_loss(contexts, second)
    assert (loss.what, loss.words) == ("no role yet", [])
    done = delete_context(contexts, second)
    assert (done.slot, done.last) == (None, False)
    assert _code(lambda: delete_context(contexts, second)) == "no-such-name"


def test_the_machine_of_a_relay_goes_on_without_its_admin(tmp_path: Path) -> None:
    make_standard_relay_identity(Profile(tmp_path), "relay.test")
    contexts = Contexts(tmp_path)
    loss = context_loss(contexts, context_named(contexts, None))
    assert "The relay's machine goes on, and nobody can administer it any more." in loss.words


def test_one_that_is_served_stays(contexts: Contexts) -> None:
    server = context_named(contexts, None)
    with running(server.profile, "tw serve"):
        assert _code(lambda: context_loss(contexts, server)) == "already-running"
        assert _code(lambda: delete_context(contexts, server)) == "already-running"
    assert contexts.active() == server


def test_where_nothing_is_there_is_nothing_to_name(tmp_path: Path) -> None:
    contexts = Contexts(tmp_path / "new")
    assert _code(lambda: context_named(contexts, None)) == "not-set-up"
    assert _code(lambda: context_named(contexts, "x")) == "no-such-name"
