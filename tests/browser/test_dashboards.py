"""The kit that starts a dashboard, with a program that behaves like one, and with those that end badly."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.conftest import VisitorFactory
from tests.browser.dashboards import Dashboard
from tests.browser.site_of_pages import html
from tests.e2e.commands.machines import Machine

_PROGRAM = """
import http.server, signal, subprocess, sys, threading

PAGES = {{"/login": {login!r}, "/": {first!r}}}
COOKIE = "session=1; HttpOnly; SameSite=Strict; Path=/"

used = []

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        path, _, query = self.path.partition("?")
        known = path == "/login" and query and not used or self.headers["cookie"] == "session=1"
        found = PAGES.get(path) if known else None
        self.send_response(200 if found else 204 if path == "/icon.svg" else 403)
        if query:
            used.append(query)
            self.send_header("set-cookie", COOKIE)
        self.send_header("content-type", "text/html")
        self.end_headers()
        self.wfile.write((found or {refused!r}).encode())

    def log_message(self, *args):
        pass

assert sys.argv[1:4] == ["dashboard", "--port", "0"]
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
done = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: done.set())
{odd}
print(f"open http://127.0.0.1:{{server.server_port}}/login?token=abc in a browser", flush=True)
done.wait()
sys.exit({status})
"""
_LOGIN = html("").replace("<head>", "<head><meta http-equiv='refresh' content='0; url=/'>")
_LEAVES_A_CHILD = "child = subprocess.Popen(['sleep', '60'], stdin=-3, stdout=-3, stderr=-3)"


class _Imitation(Machine):
    """A machine whose ``tw`` is the program above."""

    def __init__(self, home: Path, odd: str = "", status: int = 0) -> None:
        super().__init__(home)
        text = _PROGRAM.format(
            login=_LOGIN, first=html("<p>welcome</p>"), refused=html("no"), odd=odd, status=status
        )
        (home / "tw.py").write_text(text)

    def command(self, *words: str) -> list[str]:  # type: ignore[override] # of one machine here
        return [sys.executable, str(self.home / "tw.py"), *words]


@pytest.fixture
def imitation(tmp_path: Path) -> Iterator[_Imitation]:
    machine = _Imitation(tmp_path / "machine")
    yield machine
    machine.clean_up()


@pytest.fixture
def shown(imitation: _Imitation) -> Iterator[Dashboard]:
    dashboard = Dashboard(imitation)
    yield dashboard
    dashboard.stop()


def test_the_link_lets_a_visitor_in(shown: Dashboard, visitor: VisitorFactory) -> None:
    someone = shown.let_in(visitor(shown.origin))
    assert someone.page.url == shown.origin + "/"
    assert someone.page.get_by_text("welcome").is_visible()
    other = shown.let_in(visitor(shown.origin))
    assert other.page.get_by_text("welcome").is_visible()
    stranger = visitor(shown.origin)
    stranger.watch.expect("status of 403")
    stranger.open("/")


@pytest.mark.parametrize(
    ("odd", "status", "found"),
    [
        (_LEAVES_A_CHILD, 0, "left processes behind"),
        ("", 3, "exit status 3"),
        ("signal.signal(signal.SIGTERM, signal.SIG_IGN)", 0, "still there 1 s after SIGTERM"),
    ],
)
def test_a_bad_end_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, odd: str, status: int, found: str
) -> None:
    if "SIG_IGN" in odd:
        monkeypatch.setattr("tests.browser.dashboards.ENDS_WITHIN_S", 1.0)
    machine = _Imitation(tmp_path / "machine", odd, status)
    shown = Dashboard(machine)
    try:
        with pytest.raises(AssertionError, match=found):
            shown.stop()
    finally:
        shown.kill_what_is_left()
