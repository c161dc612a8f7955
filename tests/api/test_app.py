"""The application as a whole: every route is described, errors have one form."""

from __future__ import annotations

from pathlib import Path

from tests.kit.clock import real_run
from tests.kit.house import open_house


def test_errors_have_one_form(tmp_path: Path) -> None:
    async def main() -> None:
        async with open_house(tmp_path) as (_, client):
            for path, status, code in (
                ("/nothing-here", 404, "no-such-name"),
                ("/jobs/nothing-here", 404, "no-such-name"),
                ("/logs?limit=none", 422, "bad-argument"),
            ):
                answer = await client.get(path)
                assert answer.status_code == status, path
                error = answer.json()["error"]
                assert error["code"] == code and error["why"], path
            answer = await client.delete("/jobs")
            assert answer.status_code == 405 and answer.headers["allow"] == "GET"
            assert set(answer.json()["error"]) == {"code", "why", "where", "hint"}

    real_run(main())


def test_each_route_is_described(tmp_path: Path) -> None:
    async def main() -> None:
        async with open_house(tmp_path) as (_, client):
            document = (await client.get("/openapi.json")).json()
            names = []
            for path, methods in document["paths"].items():
                for method, operation in methods.items():
                    assert operation["description"].strip(), f"{method} {path} has no words"
                    assert operation["tags"], f"{method} {path} has no tag"
                    names.append(operation["operationId"])
            assert len(names) == len(set(names))

    real_run(main())
