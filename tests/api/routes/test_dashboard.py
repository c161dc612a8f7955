"""Who may have a port opened and a link made: tests/api/test_doors.py has the rest."""

from __future__ import annotations

from pathlib import Path

from tests.kit.clock import real_run
from tests.kit.house import open_house
from tunnel_whisperer.api.doors import Doors
from tunnel_whisperer.api.gate.admission import Admission
from tunnel_whisperer.api.gate.keys import Scope, new_token


def test_only_the_machines_own_command_line_gets_a_link(tmp_path: Path) -> None:
    key = new_token("backup", Scope.ALL, 1_798_135_200.0, None).key

    async def main() -> None:
        admit = lambda: Admission(key, local=False)  # noqa: E731 - a whole function would say no more
        async with open_house(tmp_path, admit=admit) as (house, client), Doors(house, tmp_path / "dashboard"):
            answer = await client.post("/dashboard", json={"port": 0})
            assert answer.status_code == 403 and answer.json()["code"] == "not-authorised"
            assert house.doors.door is None

    real_run(main())


def test_the_wish_is_checked(tmp_path: Path) -> None:
    async def main() -> None:
        async with open_house(tmp_path) as (house, client), Doors(house, tmp_path / "dashboard"):
            for wish in ({"port": 70000}, {"port": "x"}, {"host": "h" * 300}):
                assert (await client.post("/dashboard", json=wish)).status_code == 422
            refused = await client.post("/dashboard", json={"host": "0.0.0.0", "port": 0})
            assert refused.json()["code"] == "not-exposed"
            opened = (await client.post("/dashboard", json={"port": 0})).json()
            assert opened["login"].startswith(f"{opened['url']}/login?token=")

    real_run(main())
