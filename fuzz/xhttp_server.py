"""XhttpServer: any heads, bodies, ends, resets, deadlines, and any application behind it.

The shell of the tests checks every order for sense; here is what the clients do, and what the
machine may hold.
"""

from __future__ import annotations

import random

from tests.wire.server_kit import Server
from tunnel_whisperer.base.limits import (
    MAX_BUFFERED_POSTS,
    MAX_HALF_OPEN_BYTES,
    MAX_HALF_OPEN_SESSIONS,
    MAX_POST_BYTES,
)
from tunnel_whisperer.wire.http import Headers, RequestHead
from tunnel_whisperer.wire.xhttp_server import ServerSettings

__all__ = ["case"]

_METHODS = ("GET", "GET", "POST", "POST", "POST", "PUT", "HEAD", "OPTIONS", "CONNECT", "DELETE", "", "\x00")
_PARTS = ("a", "a", "b", "s" * 129, "%61", "%", "%ff", "..", "", "é", "\ud800", "a?b", "a#b", "*")
_SEQS = ("0", "0", "1", "1", "2", "3", "007", "18446744073709551615", "18446744073709551616", "-1", "x", "²")
_STATUSES = {200, 400, 404, 405, 409, 413, 500}


def _padding(chance: random.Random) -> Headers:
    length = chance.choice([100] * 20 + [0, 99, 1000, 1001])
    url = chance.choice(["http://h.test/tw/srv1/?", "?a&", "#?", "\x00?", "?%?"])
    return (("referer", f"{url}x_padding={'X' * length}"),)


def _head(chance: random.Random) -> RequestHead:
    path = chance.choice(["/tw/srv1/", "/tw/srv1/", "/tw/srv1/", "/", "/tw%2fsrv1/", ""])
    if chance.random() < 0.8:
        path += chance.choice(_PARTS)
        if chance.random() < 0.6:
            path += "/" + chance.choice(_SEQS)
    headers = _padding(chance) if chance.random() < 0.95 else ()
    for name, values in (
        ("content-length", ["0", "5", "1000000", "1000001", "9" * 400, "-1", "x"]),
        ("x-end", ["1", "0"]),
        ("origin", ["null", "\x00"]),
    ):
        if chance.random() < 0.1:
            headers = (*headers, (name, chance.choice(values)))
    authority = chance.choice(["h.test", "H.test:1", "", ":", "[::1]:5"])
    return RequestHead(chance.choice(_METHODS), path, authority, "http", headers)


def _act(server: Server, chance: random.Random, n: int) -> None:
    live = [k for k, a in server.answers.items() if not (a.we_ended or a.gone or a.reset)]
    apps = [stream for stream, app in server.apps.items() if not app.lost]
    match chance.choice(["ask", "ask", "send", "send", "send", "end", "reset", "app", "app", "time"]):
        case "ask":
            server.asks(n, _head(chance), end=chance.random() < 0.3)
        case "send" if live:
            server.sends(chance.choice(live), bytes(chance.choice([1, 5, 5, 600, 600, 65536, 400_000])))
        case "end" if live:
            server.ends(chance.choice(live))
        case "reset" if live:
            server.resets(chance.choice(live))
        case "app" if apps:
            stream = chance.choice(apps)
            calls = (server.takes_all, server.takes_all, server.finishes, server.closes, server.cuts)
            server.says(b"answer", stream)
            chance.choice(calls)(stream)
        case "time":
            server.wait(chance.choice([0.0, 1.0, 31.0, 301.0]))
        case _:
            pass


def _check(server: Server) -> None:
    machine = server.machine
    assert machine._waiting_bytes <= MAX_HALF_OPEN_BYTES
    assert len(machine._half_open) <= MAX_HALF_OPEN_SESSIONS
    for session in (*machine._sessions.values(), *machine._streams.values()):
        if (packets := session._packets) is not None:
            assert len(packets) <= 2 * MAX_BUFFERED_POSTS
            assert all(p.size <= MAX_POST_BYTES for p in packets._packets.values())
    assert all(a.status in _STATUSES for a in server.answers.values() if a.status is not None)


def case(chance: random.Random) -> None:
    """One server's life."""
    mode = chance.choice(["auto"] * 5 + ["stream-one", "stream-up", "packet-up"])
    host = chance.choice([None, None, None, "h.test"])
    server = Server(ServerSettings(mode, host), takes=chance.random() < 0.5)
    for n in range(chance.randint(1, 150)):
        _act(server, chance, n)
        _check(server)
    for key, answer in list(server.answers.items()):
        if not answer.gone:
            server.resets(key)
    for stream, app in server.apps.items():
        if not app.lost:
            server.closes(stream)
    server.wait(400.0)
    assert server.holds_nothing, "something is never forgotten"
    assert server.machine.next_deadline() is None
