"""The client at the other end: ``client.py VERB HOST PORT ...``; prints one JSON line.

wait HOST PORT TIMEOUT            try until the service has answered once
down HOST PORT SECONDS WARM       bytes per second received, after WARM seconds
up HOST PORT SECONDS WARM         bytes per second that the service received
ask HOST PORT COUNT SECONDS       round trips of 100 bytes: count, and p50, p99 and least seconds
type HOST PORT SECONDS            one such round trip every 20 ms: the same
open HOST PORT COUNT              new connections, one after the other: p50 seconds to the first byte
hold HOST PORT COUNT              COUNT connections at once, each has echoed; then "ready"; closed
                                  and ended when standard input ends
first HOST PORT TIMEOUT           as wait, with the monotonic time of the first byte
"""

from __future__ import annotations

import json
import resource
import socket
import sys
import time

_PIECE = bytes(range(256)) * 4096
_ASK = b"q" * 100


def dial(host: str, port: int, timeout_s: float = 60) -> socket.socket:
    """A connection whose small writes leave at once."""
    sock = socket.create_connection((host, port), timeout_s)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def receive(sock: socket.socket, count: int) -> bytes:
    """Exactly ``count`` bytes."""
    data = b""
    while len(data) < count:
        piece = sock.recv(count - len(data))
        if not piece:
            raise ConnectionError(f"ended after {len(data)} of {count} bytes")
        data += piece
    return data


def echoing(host: str, port: int, timeout_s: float = 60) -> socket.socket:
    """A connection that has echoed once."""
    sock = dial(host, port, timeout_s)
    sock.sendall(b"echo\nx")
    assert receive(sock, 2) == b"!x"
    return sock


def first(host: str, port: int, timeout_s: float) -> dict[str, float]:
    """Dial again and again until the service's first byte is here."""
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            with dial(host, port, max(0.01, deadline - time.monotonic())) as sock:
                receive(sock, 1)
                return {"at": time.monotonic()}
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.002)


def down(host: str, port: int, seconds: float, warm_s: float) -> dict[str, float]:
    """Receive for ``warm_s + seconds``."""
    buffer = bytearray(1 << 20)
    sock = dial(host, port)
    sock.sendall(b"send\n")
    began = time.monotonic()
    counted, since, now = 0, 0.0, began
    while now < began + warm_s + seconds:
        count = sock.recv_into(buffer)
        if not count:
            raise ConnectionError("the service ended the connection")
        now = time.monotonic()
        if since:
            counted += count
        elif now - began >= warm_s:
            since = now
    if not since or now == since:
        raise ConnectionError(f"nothing came for so long: {counted} bytes in {now - began:.1f} s")
    return {"bytes_per_s": counted / (now - since)}


def up(host: str, port: int, seconds: float, warm_s: float) -> dict[str, float]:
    """Send for ``warm_s + seconds``; the service tells what arrived."""
    sock = dial(host, port)
    sock.sendall(b"take %f\n" % warm_s)
    end = time.monotonic() + warm_s + seconds
    while time.monotonic() < end:
        sock.sendall(_PIECE)
    sock.shutdown(socket.SHUT_WR)
    answer = b""
    while piece := sock.recv(4096):
        answer += piece
    seen = json.loads(answer[1:])
    return {"bytes_per_s": seen["bytes"] / seen["seconds"]}


def ask(host: str, port: int, count: int, seconds: float) -> dict[str, float]:
    """Round trips one after the other, on one connection; the first tenth only warms up."""
    sock = echoing(host, port)
    times: list[float] = []
    end = time.monotonic() + seconds
    while len(times) < count * 1.1 and time.monotonic() < end:
        began = time.perf_counter()
        sock.sendall(_ASK)
        receive(sock, len(_ASK))
        times.append(time.perf_counter() - began)
    return _told(times[len(times) // 11 :])


def type_(host: str, port: int, seconds: float) -> dict[str, float]:
    """Round trips with pauses, on one connection."""
    sock = echoing(host, port)
    times: list[float] = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        began = time.perf_counter()
        sock.sendall(_ASK)
        receive(sock, len(_ASK))
        times.append(time.perf_counter() - began)
        time.sleep(0.02)
    return _told(times)


def _told(times: list[float]) -> dict[str, float]:
    times = sorted(times)
    return {
        "count": len(times),
        "p50_s": times[len(times) // 2],
        "p99_s": times[min(len(times) - 1, len(times) * 99 // 100)],
        "least_s": times[0],
    }


def open_many(host: str, port: int, count: int) -> dict[str, float]:
    """New connections one after the other."""
    times = []
    for _ in range(count):
        began = time.perf_counter()
        with dial(host, port) as sock:
            receive(sock, 1)
            times.append(time.perf_counter() - began)
    times.sort()
    return {"p50_s": times[len(times) // 2], "least_s": times[0]}


def hold(host: str, port: int, count: int) -> dict[str, float]:
    """Many connections at once, until told to end."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    began = time.monotonic()
    socks: list[socket.socket] = []
    for start in range(0, count, 50):  # a few under way at a time, as an application does
        batch = [dial(host, port) for _ in range(min(50, count - start))]
        for sock in batch:
            sock.sendall(b"echo\nx")
        for sock in batch:
            assert receive(sock, 2) == b"!x"
        socks += batch
    seconds = time.monotonic() - began
    print("ready", flush=True)
    sys.stdin.read()
    for sock in socks:  # all of them are still alive
        sock.sendall(b"y")
        assert receive(sock, 1) == b"y"
    return {"count": len(socks), "seconds": seconds}


def main() -> None:
    """Run one verb."""
    verb, host, port, *rest = sys.argv[1:]
    numbers = [float(word) for word in rest]
    target = (host, int(port))
    if verb in ("wait", "first"):
        result = first(*target, numbers[0])
    elif verb in ("down", "up"):
        result = (down if verb == "down" else up)(*target, numbers[0], numbers[1])
    elif verb == "ask":
        result = ask(*target, int(numbers[0]), numbers[1])
    elif verb == "type":
        result = type_(*target, numbers[0])
    elif verb == "open":
        result = open_many(*target, int(numbers[0]))
    elif verb == "hold":
        result = hold(*target, int(numbers[0]))
    else:
        sys.exit(f"no such verb: {verb}")
    print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
