"""Bodies without an end, and what they cost."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.api.gate.asgi import ask
from tests.api.gate.scene import HOST, POLICY, Scene
from tests.kit.clock import real_run
from tunnel_whisperer.api.gate import Guard
from tunnel_whisperer.base.limits import MAX_LOGIN_BYTES, MAX_REQUEST_BYTES

MIB = 1024 * 1024


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path / "dashboard")


class Upload:
    """So many pieces of 64 KiB, made when they are asked for."""

    def __init__(self, size: int) -> None:
        self.left = size
        self.sent = 0

    def __iter__(self) -> Iterator[bytes]:
        while self.left > 0:
            piece = bytes(min(65536, self.left))
            self.left -= len(piece)
            self.sent += len(piece)
            yield piece


def test_a_length_above_the_limit_is_refused_before_a_byte_is_read(scene: Scene) -> None:
    upload = Upload(100 * MIB)
    answer = scene.ask("POST", "/api/v1/users", scene.bearer, ("content-length", str(100 * MIB)), body=upload)
    assert answer.status == 413
    assert json.loads(answer.body)["code"] == "body-too-big"
    assert answer.header("connection") == "close"
    assert (answer.asked, upload.sent, scene.reached) == (0, 0, [])


def test_a_person_is_told_in_words(scene: Scene) -> None:
    upload, length = Upload(100 * MIB), ("content-length", str(100 * MIB))
    answer = scene.ask("POST", "/setup/file", scene.bearer, ("accept", "text/html"), length, body=upload)
    assert (answer.status, answer.header("content-type")) == (413, "text/plain; charset=utf-8")
    assert b"Nothing was changed" in answer.body


def test_100_mb_in_chunks_end_at_the_limit_and_cost_no_memory(scene: Scene) -> None:
    upload = Upload(100 * MIB)
    chunked = ("transfer-encoding", "chunked")
    scene.ask("POST", "/api/v1/users", scene.bearer, chunked)  # what is only made once
    tracemalloc.start()
    answer = scene.ask("POST", "/api/v1/users", scene.bearer, chunked, body=upload)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert answer.status == 413
    assert answer.header("connection") == "close"
    assert upload.sent <= MAX_REQUEST_BYTES + 65536
    assert scene.received <= MAX_REQUEST_BYTES
    assert peak < MIB


def test_the_limit_itself_is_taken(scene: Scene) -> None:
    answer = scene.ask("POST", "/api/v1/users", scene.bearer, body=Upload(MAX_REQUEST_BYTES))
    assert answer.status == 200
    assert scene.received == MAX_REQUEST_BYTES
    assert scene.ask("POST", "/api/v1/users", scene.bearer, body=Upload(MAX_REQUEST_BYTES + 1)).status == 413


@pytest.mark.parametrize(
    ("path", "limit"),
    [("/api/v1/import", 3_000_000), ("/files/a/b", 2_000_000), ("/files", MAX_REQUEST_BYTES)],
)
def test_a_path_that_takes_files_has_its_own_limit(scene: Scene, path: str, limit: int) -> None:
    assert scene.ask("POST", path, scene.bearer, body=Upload(limit)).status == 200
    assert scene.ask("POST", path, scene.bearer, body=Upload(limit + 1)).status == 413


def test_a_stranger_may_send_a_password_and_no_more(scene: Scene) -> None:
    headers = [("origin", "http://127.0.0.1:8080")]
    assert scene.ask("POST", "/login", *headers, body=Upload(MAX_LOGIN_BYTES)).status == 200
    assert scene.ask("POST", "/login", *headers, body=Upload(MAX_LOGIN_BYTES + 1)).status == 413


def test_a_stranger_s_body_is_not_read_at_all(scene: Scene) -> None:
    upload = Upload(100 * MIB)
    answer = scene.ask(
        "POST", "/api/v1/import", ("transfer-encoding", "chunked"), ("authorization", "Bearer x"), body=upload
    )
    assert answer.status == 401
    assert answer.header("connection") == "close"
    assert upload.sent == 0


def _answering(app: Any, scene: Scene, size: int) -> Any:
    return ask(Guard(app, POLICY, scene.book), "POST", "/api/v1/x", [HOST, scene.bearer], Upload(size))


def test_an_app_that_fails_over_the_end_is_answered_for(scene: Scene) -> None:
    async def app(_: Any, receive: Any, __: Any) -> None:
        while (await receive())["type"] == "http.request":
            pass
        raise RuntimeError("the client left")

    assert real_run(_answering(app, scene, 2 * MIB)).status == 413


def test_an_app_that_answers_something_else_is_corrected(scene: Scene) -> None:
    async def app(_: Any, receive: Any, send: Any) -> None:
        while (await receive())["type"] == "http.request":
            pass
        await send({"type": "http.response.start", "status": 400, "headers": []})
        await send({"type": "http.response.body", "body": b"a bad form"})

    answer = real_run(_answering(app, scene, 2 * MIB))
    assert answer.status == 413
    assert b"a bad form" not in answer.body


def test_an_app_that_fails_by_itself_fails(scene: Scene) -> None:
    async def app(*_: Any) -> None:
        raise RuntimeError("a fault")

    with pytest.raises(RuntimeError, match="a fault"):
        real_run(_answering(app, scene, 10))


def test_an_answer_that_has_begun_stays(scene: Scene) -> None:
    async def app(_: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        while (await receive())["type"] == "http.request":
            pass
        await send({"type": "http.response.body", "body": b"so far"})

    answer = real_run(_answering(app, scene, 2 * MIB))
    assert (answer.status, answer.body) == (200, b"so far")
