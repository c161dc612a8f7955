"""The little web service behind the demonstration's tunnel."""

from __future__ import annotations

import hashlib
import random
import sys
import threading
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from ..base.values import HostPort

__all__ = ["BLOB_BYTES", "DemoService", "blob"]

BLOB_BYTES = 16 * 1024 * 1024
"""Size of the body that is carried each way and compared."""

_PAGE = b"""<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Tunnel Whisperer demo</title>
<style>body{font:16px/1.5 system-ui,sans-serif;max-width:40rem;margin:4rem auto;padding:0 1rem;
color-scheme:light dark}code{background:#8882;padding:.1em .3em;border-radius:.2em}</style>
<h1>It came through.</h1>
<p>This page was served on the server's side. Your browser asked a port of <em>this</em> machine; the client
carried the connection as one channel of an SSH session, inside HTTPS, over a relay that cannot read it.</p>
<p>Next: <code>tw relay run</code> on a machine that both sides can reach, <code>tw join</code> and
<code>tw enroll</code>, <code>tw create user</code>, <code>tw serve</code>, <code>tw connect</code>.</p>
</html>
"""


@cache
def blob() -> bytes:
    """Bytes that no compression shortens; the same each time."""
    return random.Random(20).randbytes(BLOB_BYTES)  # noqa: S311 - not a secret


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "tw-demo"
    sys_version = ""

    def do_GET(self) -> None:
        if self.path == "/":
            self._answer(_PAGE, "text/html; charset=utf-8")
        elif self.path == "/blob":
            self._answer(blob(), "application/octet-stream")
        else:
            self.send_error(404)

    def do_POST(self) -> None:
        length = int(self.headers.get("content-length") or 0)
        if self.path != "/digest" or length > 2 * BLOB_BYTES:
            self.send_error(404)
            self.close_connection = True
            return
        digest = hashlib.sha256()
        while length > 0 and (data := self.rfile.read(min(length, 1 << 18))):
            digest.update(data)
            length -= len(data)
        self._answer(digest.hexdigest().encode(), "text/plain")

    def _answer(self, body: bytes, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A visitor who leaves in the middle is no fault; the base class prints a traceback."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class DemoService:
    """The service, on a free port of loopback, in a thread of its own."""

    def __init__(self) -> None:
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), daemon=True)
        self._thread.start()

    @property
    def address(self) -> HostPort:
        """Where it listens."""
        return HostPort("127.0.0.1", self._server.server_address[1])

    def close(self) -> None:
        """Stop it."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
