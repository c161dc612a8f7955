"""What an admin changes about users, apps and servers, as the audit record has it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tunnel_whisperer.audit import select
from tunnel_whisperer.base.errors import Misuse
from tunnel_whisperer.base.values import Grant
from tunnel_whisperer.profile import Profile
from tunnel_whisperer.tenancy import App, AppBook, UserBook, make_server_identity

DB, WEB = Grant.parse("5432"), Grant.parse("8080:web.plant.lan:80")


class Desk:
    """A server's books, and what was recorded since the last look."""

    def __init__(self, directory: Path) -> None:
        self.profile = Profile(directory)
        make_server_identity(self.profile, "plant")
        self.users, self.apps = UserBook(self.profile), AppBook(self.profile)
        self._seen = 0
        self.fresh()

    def fresh(self) -> list[tuple[str, dict[str, Any]]]:
        records = list(select(self.profile.audit, lambda record: True))
        new, self._seen = records[self._seen :], len(records)
        assert all(record.who.startswith("admin:") for record in new)
        return [(record.event, dict(record.fields)) for record in new]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_a_user_from_the_making_to_the_end(desk: Desk) -> None:
    desk.users.create("alice", [DB, WEB], single_session=True)
    ((event, made),) = desk.fresh()
    assert event == "user-created"
    assert made.pop("key").startswith("SHA256:")
    assert made == {
        "user": "alice",
        "grants": ["5432 -> 127.0.0.1:5432", "8080 -> web.plant.lan:80"],
        "expires": "never",
        "single_session": True,
    }
    desk.users.edit("alice", lambda user: replace(user, own_grants=(DB,), expires=2e9, single_session=False))
    assert desk.fresh() == [
        (
            "user-edited",
            {
                "user": "alice",
                "taken": ["8080 -> web.plant.lan:80"],
                "expires": "2033-05-18T03:33:20Z",
                "single_session": False,
            },
        )
    ]
    desk.users.unregister("alice")
    assert desk.fresh() == [("user-unregistered", {"user": "alice"})]
    desk.users.apply(["alice"])
    assert desk.fresh() == [("user-applied", {"user": "alice", "before": "unregistered"})]
    desk.users.delete("alice")
    assert desk.fresh() == [("user-deleted", {"user": "alice"})]


def test_what_changes_nothing_or_fails_is_not_recorded(desk: Desk) -> None:
    desk.users.create("alice", [DB])
    desk.fresh()
    desk.users.edit("alice", lambda user: user)
    desk.users.apply()
    desk.users.edit("alice", lambda user: replace(user, own_grants=(WEB,)), dry_run=True)
    with pytest.raises(Misuse):
        desk.users.create("alice", [DB])
    with pytest.raises(Misuse):
        desk.users.delete("nobody")
    assert desk.fresh() == []


def test_a_line_that_said_otherwise_is_recorded_when_it_is_put_right(desk: Desk) -> None:
    user = desk.users.create("alice", [DB])
    path = desk.profile.authorized_keys
    path.write_text(path.read_text().replace("127.0.0.1:5432", "127.0.0.1:22"))
    desk.fresh()
    desk.users.apply()
    ((event, fields),) = desk.fresh()
    assert (event, fields["user"]) == ("user-applied", user.name)
    assert "not as the record" in fields["before"]


def test_an_app_and_what_its_users_got_and_lost_by_it(desk: Desk) -> None:
    desk.apps.create("scada", [DB])
    assert desk.fresh() == [("app-created", {"app": "scada", "given": ["5432 -> 127.0.0.1:5432"]})]
    desk.users.create("alice", [Grant.parse("22")], apps=["scada"])
    ((_, made),) = desk.fresh()
    assert made["apps"] == ["scada"]

    def change(app: App) -> App:
        return replace(app, grants=(WEB,))

    desk.apps.edit("scada", change, dry_run=True)
    assert desk.fresh() == []
    desk.apps.edit("scada", change)
    news = {"given": ["8080 -> web.plant.lan:80"], "taken": ["5432 -> 127.0.0.1:5432"]}
    assert desk.fresh() == [
        ("user-edited", {"user": "alice", **news}),
        ("app-edited", {"app": "scada", **news}),
    ]
    desk.apps.delete("scada")
    gone = ["8080 -> web.plant.lan:80"]
    assert desk.fresh() == [
        ("user-edited", {"user": "alice", "taken": gone, "apps": []}),
        ("app-deleted", {"app": "scada", "taken": gone}),
    ]
