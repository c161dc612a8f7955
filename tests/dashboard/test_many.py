"""What pages cost where there are many: files read, looks at the role, bytes sent. How long it takes is for bench/."""

from __future__ import annotations

import asyncio
import io
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.kit.clock import real_run
from tests.kit.house import PlayedRole, open_house
from tests.kit.html import read_html
from tests.kit.identities import GRANTS
from tests.tenancy.setting import joined
from tunnel_whisperer.dashboard import mount
from tunnel_whisperer.dashboard.pages.users import SHOWN
from tunnel_whisperer.operations.users import NewUser, create_user
from tunnel_whisperer.profile import Profile

FEW, MANY = 4, 12


class Looked(PlayedRole):
    """Counts how often somebody asks it how it stands."""

    looks = 0

    def snapshot(self) -> dict[str, Any]:
        self.looks += 1
        return super().snapshot()


@pytest.fixture
def server(tmp_path: Path) -> Profile:
    profile = joined(tmp_path).server
    add_users(profile, 0, FEW)
    return profile


def add_users(profile: Profile, first: int, end: int) -> None:
    for number in range(first, end):
        create_user(profile, NewUser(f"user-{number:03d}", GRANTS))


@contextmanager
def opened_files(monkeypatch: pytest.MonkeyPatch) -> Iterator[Counter[str]]:
    """How often each file is opened by what runs inside."""
    real, seen = io.open, Counter[str]()

    def count(file: Any, *words: Any, **more: Any) -> Any:
        seen[str(file)] += 1
        return real(file, *words, **more)

    with monkeypatch.context() as patch:
        patch.setattr(io, "open", count)
        yield seen


def test_a_list_of_users_reads_each_file_once_and_sends_little(
    server: Profile, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> None:
        role = PlayedRole({"role": "server", "health": [], "sessions": []})
        async with open_house(server.directory, role, pages=mount, base_url="http://tw.test") as (_, client):
            counts, sizes = [], []
            await client.get("/access")  # templates and the like, once
            for users in (FEW, MANY):
                add_users(server, FEW if users == MANY else 0, users if users == MANY else 0)
                with opened_files(monkeypatch) as seen:
                    answer = await client.get("/users")
                with opened_files(monkeypatch) as again:
                    await client.get("/users")
                assert not [name for name in again if str(server.users) in name]  # nothing has changed
                assert len(read_html(answer.text).all("tr")) == users + 1
                own = [name for name in seen if str(server.users) in name]
                assert len(own) == 2 * users  # the record, and the certificate for its end
                assert set(seen.values()) <= {1, 2}, seen
                counts.append(sum(seen.values()) - len(own))
                sizes.append(len(answer.content))
            assert counts[0] == counts[1] < 10  # everything else, however many there are
            each = (sizes[1] - sizes[0]) / (MANY - FEW)
            assert sizes[0] + each * (SHOWN - FEW) < 150_000

    real_run(main())


def test_fifty_pages_at_once_look_once_at_the_role(server: Profile) -> None:
    async def main() -> None:
        role = Looked()
        async with open_house(server.directory, role, pages=mount, base_url="http://tw.test") as (
            house,
            client,
        ):
            now = 1000.0
            house._clock = lambda: now
            answers = await asyncio.gather(*(client.get("/where") for _ in range(50)))
            assert {answer.status_code for answer in answers} == {200}
            assert role.looks == 1
            assert max(len(answer.content) for answer in answers) < 1000
            now += 1
            await client.get("/where")
            assert role.looks == 2

    real_run(main())


def test_a_change_has_the_overview_loaded_once(server: Profile) -> None:
    async def main() -> None:
        role = PlayedRole({"role": "server", "health": [], "sessions": []})
        async with open_house(server.directory, role, pages=mount, base_url="http://tw.test") as (_, client):
            page = read_html((await client.get("/")).text)
            asks = [
                each.attrs["hx-get"]
                for each in page.all("div") + page.all("section") + page.all("span")
                if "tw:status" in each.attrs.get("hx-trigger", "")
            ]
            assert sorted(asks) == ["", "/where"]

    real_run(main())


def test_nothing_is_compressed_where_a_secret_stands_beside_what_others_choose(server: Profile) -> None:
    async def main() -> None:
        async with open_house(server.directory, pages=mount, base_url="http://tw.test") as (_, client):
            asked = {"accept-encoding": "gzip, deflate, br, zstd"}
            for path in ("/users", "/", "/access", "/api/v1/users", "/static/tw.css"):
                answer = await client.get(path, headers=asked)
                assert "content-encoding" not in answer.headers, path

    real_run(main())
