"""The application as a whole: every route is described, errors have one form."""

from __future__ import annotations

from pathlib import Path

from tests.api.routes.test_stats import CountingRole
from tests.kit.clock import real_run
from tests.kit.house import open_house
from tunnel_whisperer.profile import Profile
from tunnel_whisperer.tenancy import make_server_identity


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
                assert answer.headers["content-type"] == "application/problem+json"
                problem = answer.json()
                assert problem["code"] == code and problem["detail"], path
                assert problem["status"] == status
            answer = await client.delete("/jobs")
            assert answer.status_code == 405 and answer.headers["allow"] == "GET"
            assert answer.json()["title"] == "Method Not Allowed"

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


def test_prometheus_reads_what_the_role_counts_and_that_none_runs(tmp_path: Path) -> None:
    role = CountingRole()
    role.carry(("alice", 5432, 100, 5000))

    async def main() -> None:
        async with open_house(tmp_path, base_url="http://tw.test") as (_, client):
            answer = await client.get("/metrics")
            assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
            assert 'role="none"' in answer.text and "tw_bytes_total" not in answer.text
        make_server_identity(Profile(tmp_path), "plant")
        async with open_house(tmp_path, role, base_url="http://tw.test") as (_, client):
            text = (await client.get("/metrics")).text
            assert 'tw_bytes_total{direction="down",port="5432",user="alice"} 5000.0' in text
            assert (await client.post("/metrics")).status_code == 405

    real_run(main())
