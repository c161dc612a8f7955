"""config.yaml through the API."""

from __future__ import annotations

from pathlib import Path

from tests.kit.clock import real_run
from tests.kit.house import PlayedRole, open_house
from tests.kit.identities import client_snapshot, relay_in, server_in
from tunnel_whisperer.profile import change_field, load_config, save_config


def test_every_field_with_what_it_is(tmp_path: Path) -> None:
    profile = server_in(tmp_path / "plant", tmp_path)
    config = load_config(profile.config)
    save_config(profile.config, change_field(config, "proxy", "http://u:hunter2@proxy.test:3128"))

    async def main() -> None:
        role = PlayedRole(client_snapshot(role="server", config={"changed": ["log_level"], "error": None}))
        async with open_house(profile.directory, role) as (_, client):
            answer = await client.get("/settings")
            assert "hunter2" not in answer.text
            shown = answer.json()
            assert shown["file"] == str(profile.config) and shown["changed"] == ["log_level"]
            rows = {row["name"]: row for row in shown["settings"]}
            level = rows["log_level"]
            assert (level["kind"], level["value"], level["default"]) == ("choice", "info", "info")
            assert level["settable"] and "debug" in level["choices"]
            assert rows["proxy"]["has_secret"] and "proxy.test:3128" in rows["proxy"]["value"]
            assert not rows["mode"]["settable"] and "tw create context" in rows["mode"]["words"]
            assert not rows["relay.listen"]["applies"] and rows["relay.listen"]["words"] == "for a relay"

    real_run(main())


def test_fields_are_changed_all_or_none(tmp_path: Path) -> None:
    profile = relay_in(tmp_path)

    async def main() -> None:
        async with open_house(tmp_path) as (_, client):
            done = await client.patch("/settings", json={"fields": {"log_level": "debug"}})
            assert done.json() == {"changed": ["log_level"], "restart": True}
            for fields, code in (
                ({"log_level": "info", "log_format": "runes"}, "bad-argument"),
                ({"log_level": "info", "client.listen_address": "0.0.0.0"}, "bad-argument"),
                ({"log_level": "info", "nonsense": "1"}, "bad-argument"),
                ({"log_level": "info", "relay.cert": "relay.pem"}, "bad-argument"),
            ):
                answer = await client.patch("/settings", json={"fields": fields})
                assert (answer.status_code, answer.json()["code"]) == (400, code), fields
            assert load_config(profile.config).log_level == "debug"
            assert (await client.patch("/settings", json={"fields": {"log_level": ""}})).json()["changed"]
            assert load_config(profile.config).log_level == "info"
            assert (await client.patch("/settings", json={"fields": {}})).status_code == 422

    real_run(main())


def test_without_an_identity_there_is_nothing_to_set(tmp_path: Path) -> None:
    async def main() -> None:
        async with open_house(tmp_path) as (_, client):
            answer = await client.get("/settings")
            assert (answer.status_code, answer.json()["code"]) == (409, "not-set-up")

    real_run(main())
