"""What others wrote, and what they send: it is shown as text, it fits, and it stays where it belongs."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import tracemalloc
import zipfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from tests.api.test_whole_security import check_headers, check_page
from tests.api.whole import Whole, nobody_else, the_whole
from tests.kit.clock import real_run
from tests.kit.every_role import ROLES, SNAPSHOTS, furnish
from tests.kit.html import read_html
from tunnel_whisperer.api.doors import UPLOADS
from tunnel_whisperer.daemon.jobs import Tell

pytestmark = [pytest.mark.pages, pytest.mark.xdist_group("whole-hostile")]

MIB = 1024 * 1024
RIGHT_TO_LEFT = "\u202e"
EVIL = (
    f"<img src=x onerror=alert(1)>'\"><script>alert(1)</script>javascript:alert(1){RIGHT_TO_LEFT}{{{{7*7}}}}"
)
LONG = f"{EVIL}{'n' * 10_000}"


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("models")
    for role in ROLES:
        furnish(made, role)
    return made


@pytest.fixture
def visit(models: Path, tmp_path: Path) -> Callable[..., None]:
    def run(
        act: Callable[[Whole], Awaitable[None]],
        role: str = "server",
        snapshot: dict[str, Any] | None = None,
        write: Callable[[Path], None] = lambda directory: None,
    ) -> None:
        async def main() -> None:
            async with the_whole(models, tmp_path / "here", role, snapshot, write) as whole:
                await act(whole)

        with nobody_else():
            real_run(main(), timeout_s=60)

    return run


# -- shown as text ---------------------------------------------------------------------------------------


def _evil(value: Any) -> Any:
    """The same document, with each word in it replaced but those that say which state it is."""
    if isinstance(value, dict):
        kept = ("role", "state", "layer", "listen", "address")
        return {k: v if k in kept else _evil(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_evil(each) for each in value]
    return EVIL if isinstance(value, str) else value


def _write_by_hand(directory: Path) -> None:
    """Names and values that no command would write."""
    users = directory / "users"
    if users.is_dir():
        record = json.loads((users / "alice" / "user.json").read_text())
        for name in (EVIL.replace("/", "")[:200], "zoe"):
            (users / name).mkdir()
            (users / name / "user.json").write_text(json.dumps(_evil(record)))
        (directory / "apps.yaml").write_text(json.dumps({"version": 1, "apps": {EVIL: [EVIL], "ok": [5432]}}))
    servers = directory / "servers"
    if (servers / "plant.json").exists():
        record = json.loads((servers / "plant.json").read_text())
        (servers / f"{EVIL.replace('/', '')[:200]}.json").write_text(json.dumps(_evil(record)))
    config = directory / "config.yaml"
    if config.exists():
        lines = config.read_text().splitlines()
        config.write_text("\n".join(f"# {EVIL}" if line.startswith("#") else line for line in lines) + "\n")
    for number, name in enumerate((EVIL, LONG, "../../x")):
        other = directory / "contexts" / f"00000{number}"
        other.mkdir(parents=True)
        (other / "config.yaml").write_text(f"version: 1\nmode: server\nserver_id: {json.dumps(name)}\n")
        (other / "context.json").write_text(json.dumps({"version": 1, "name": name, "created": EVIL}))


async def _fill_with_evil(whole: Whole) -> None:
    logging.getLogger("tw").warning("%s", LONG)
    logging.getLogger(f"tw.{EVIL}").warning("%s\r\n\x1b[2J%s", EVIL, EVIL)

    async def work(tell: Tell) -> dict[str, Any]:
        tell(EVIL, "info", LONG, EVIL)
        raise RuntimeError(EVIL)

    for kind in ("test-relay", EVIL):
        whole.house.supervisor.jobs.start(kind, EVIL, work)
    whole.doors.book.add_browser(EVIL, "127.0.0.1")
    await asyncio.sleep(0)


@pytest.mark.parametrize("role", ROLES)
def test_what_others_wrote_is_shown_as_text(visit: Callable[..., None], role: str) -> None:
    async def act(whole: Whole) -> None:
        await _fill_with_evil(whole)
        word = quote(EVIL.replace("/", ""), safe="")
        paths = [ask.path for ask in whole.asks if not ask.changes and not ask.websocket]
        paths += [f"/jobs/{job.id}" for job in whole.house.supervisor.jobs.all()]
        paths += [path.replace("/alice", f"/{word}").replace("/plant", f"/{word}") for path in paths]
        paths += [f"/{page}?{name}={word}" for page in ("users", "log", "audit", "servers", "jobs", "where")
                  for name in ("q", "contains", "user", "event", "next")]  # fmt: skip
        shown = 0
        for path in dict.fromkeys(paths):
            if path.startswith(("/api/", "/metrics")):
                continue
            answer = await whole.ask(f"GET {path}", whole.cookie)
            check_headers(path, answer)
            assert answer.status_code < 500, f"{path}: {answer.text[:300]}"
            if not answer.headers.get("content-type", "").startswith("text/html"):
                continue
            check_page(path, answer.text)
            page = read_html(answer.text)
            assert not page.all("img", src="x") and "49" not in [each.words for each in page.all("td")], path
            assert "<img src=x" not in answer.text and "<script>alert" not in answer.text, path
            shown += "<img src=x onerror=alert(1)>" in page.words
        assert shown > 3, "nothing of it was shown at all"

    visit(act, role, _evil(SNAPSHOTS[role]) if role != "none" else None, _write_by_hand)


# -- it fits ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [*UPLOADS, "/api/v1/join/response", "/setup/response"])
@pytest.mark.parametrize("chunked", [False, True])
def test_100_mb_are_refused_and_not_held(visit: Callable[..., None], path: str, chunked: bool) -> None:
    async def act(whole: Whole) -> None:
        piece = bytes(64 * 1024)
        headers = {
            "host": f"127.0.0.1:{whole.port}",
            "content-type": "multipart/form-data; boundary=b",
            "transfer-encoding" if chunked else "content-length": "chunked" if chunked else str(100 * MIB),
            **(whole.bearer(whole.token) if path.startswith("/api/") else whole.page),
        }
        head = [f"POST {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
        start = b'--b\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\n'
        reader, writer = await asyncio.open_connection("127.0.0.1", whole.port)
        before = whole.state()
        tracemalloc.start()
        sent = 0
        try:
            writer.write(
                "\r\n".join(head).encode() + (b"%x\r\n%s\r\n" % (len(start), start) if chunked else start)
            )
            while sent < 100 * MIB and not reader.at_eof():
                writer.write(b"%x\r\n%s\r\n" % (len(piece), piece) if chunked else piece)
                await writer.drain()
                sent += len(piece)
        except ConnectionError:
            pass
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        answer = b""
        try:
            answer = await reader.read(4096)
        except ConnectionError:
            pass
        writer.transport.abort()
        assert answer == b"" or answer.startswith((b"HTTP/1.1 413 ", b"HTTP/1.1 4")), answer
        assert sent < 100 * MIB
        assert peak < 48 * MIB, f"{peak / MIB:.0f} MiB"
        assert whole.state() == before

    visit(act)


# -- it stays where it belongs ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    ["/static/..%2f..%2fpage.py", "/static/%2e%2e/page.py", "/static//etc/passwd", "/static/..%5cpage.py",
     "/static/tw.css%00.js", "/static/vendor/../../page.py", "/users/..%2f..%2fetc", "/users/%2e%2e",
     "/api/v1/users/..%2f..%2fid_ed25519", "/api/v1/users/%00", "/api/v1/contexts/..%2f", "/jobs/..%2fx"],
)  # fmt: skip
def test_a_path_leads_nowhere_else(visit: Callable[..., None], path: str) -> None:
    async def act(whole: Whole) -> None:
        answer = await whole.ask(f"GET {path}", whole.cookie)
        assert answer.status_code in (400, 404, 422), f"{answer.status_code} {answer.text[:200]}"
        assert "PRIVATE" not in answer.text and "import" not in answer.text and "root:" not in answer.text

    visit(act)


@pytest.mark.parametrize(
    "name", ["../../x", "/etc/x", "a/../../x", "x\x00y", "x\r\nset-cookie: a=b", "..", ".", LONG]
)
def test_a_name_in_a_form_makes_nothing_elsewhere(visit: Callable[..., None], name: str) -> None:
    async def act(whole: Whole) -> None:
        before = whole.state()
        forms: list[tuple[str, dict[str, str]]] = [
            ("/users/new/user", {"name": name, "local": "5432"}),
            ("/apps/new/app", {"name": name, "local": "5432"}),
            ("/contexts/new", {"name": name}),
            ("/contexts/base/rename", {"name": name}),
        ]
        for path, fields in forms:
            answer = await whole.ask(f"POST {path}", whole.page, data={"csrf": whole.csrf, **fields})
            assert 400 <= answer.status_code < 500, f"{path}: {answer.status_code}"
            check_page(path, answer.text)
        for path, body in (
            ("users", {"grants": [{"local_port": 5432}]}),
            ("apps", {"grants": []}),
            ("contexts", {}),
        ):
            answer = await whole.ask(
                f"POST /api/v1/{path}", whole.bearer(whole.token), json={"name": name, **body}
            )
            assert 400 <= answer.status_code < 500, f"{path}: {answer.text}"
        assert whole.state() == before

    visit(act)


def _zip(entries: dict[str, str | tuple[str, int]]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as file:
        for name, value in entries.items():
            info = zipfile.ZipInfo(name)
            text, mode = value if isinstance(value, tuple) else (value, 0o100600)
            info.external_attr = mode << 16
            file.writestr(info, text)
    return made.getvalue()


LINK = 0o120777


@pytest.mark.parametrize(
    "data",
    [
        _zip({"../../x": "x"}),
        _zip({"/etc/x": "x"}),
        _zip({"config.yaml": ("/etc/passwd", LINK)}),
        _zip({"config.yaml": "version: 1\nmode: client\n", "id_ed25519": ("../../../etc/passwd", LINK)}),
        _zip({"config.yaml": "a: " + "b" * 20_000_000}),
        b"PK\x03\x04" + bytes(1000),
        b"",
    ],
    ids=["above", "absolute", "a link", "a link for a key", "20 MB of config", "no zip", "nothing"],
)
def test_a_file_of_tricks_is_refused(visit: Callable[..., None], data: bytes) -> None:
    async def act(whole: Whole) -> None:
        before = whole.state()
        token = whole.bearer(whole.token)
        name = "../../x\r\nset-cookie: a=b.zip"
        answer = await whole.ask("POST /api/v1/imports", token, files={"file": (name, data)})
        assert 400 <= answer.status_code < 500, answer.text
        for path in ("/setup/file", "/contexts/import"):
            answer = await whole.ask(
                f"POST {path}", whole.page, data={"csrf": whole.csrf}, files={"file": (name, data)}
            )
            assert 400 <= answer.status_code < 500, f"{path}: {answer.status_code}"
            assert "root:" not in answer.text
            check_page(path, answer.text)
        assert whole.state() == before

    visit(act, "none")


def test_nobody_is_sent_elsewhere(visit: Callable[..., None]) -> None:
    async def act(whole: Whole) -> None:
        for target in ("//evil.example", "http://evil.example", "/\\evil.example", "javascript:alert(1)"):
            word = quote(target, safe="")
            for name in ("next", "url", "to", "return", "back", "redirect"):
                for path in ("/login", "/", "/users", "/log", "/setup", "/where"):
                    answer = await whole.ask(f"GET {path}?{name}={word}", whole.cookie)
                    location = answer.headers.get("location", "/")
                    assert location.startswith("/") and not location.startswith(("//", "/\\")), path
                    assert "evil" not in answer.headers.get("refresh", ""), path
        for path in ("//evil.example", "/%2f/evil.example", "//evil.example/%2e%2e"):
            answer = await whole.ask(f"GET {path}", whole.cookie)
            assert answer.status_code in (400, 404) and "location" not in answer.headers, path

    visit(act)


def test_a_download_is_called_as_we_say(visit: Callable[..., None]) -> None:
    async def act(whole: Whole) -> None:
        answers: list[httpx.Response] = []
        for path, fields in (
            ("/users/alice/file", {}),
            ("/log/download", {"contains": "x\r\nset-cookie: a=b"}),
            ("/contexts/base/export", {"passphrase": "correct horse", "again": "correct horse"}),
        ):
            data = {"csrf": whole.csrf, **fields}
            answers.append(await whole.ask(f"POST {path}", whole.page, data=data))
        for answer in answers:
            name = answer.headers.get("content-disposition", "")
            if answer.status_code == 200:
                assert name.startswith('attachment; filename="') and name.isascii(), name
            assert "set-cookie" not in answer.headers
        assert answers[0].status_code == 200 and answers[1].status_code == 200

    visit(act)
