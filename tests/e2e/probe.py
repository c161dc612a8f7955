"""Small programs that the e2e tests run inside a namespace: services and clients with checksums.

probe.py serve PORT              one service, told what to do by the first line of a connection:
                                 "send N\\n" sends N pseudo-random bytes and ends; "take\\n" reads to
                                 the end, answers with the SHA-256, ends; "take N\\n" reads N bytes,
                                 answers likewise; "echo\\n" echoes to the end
probe.py fetch PORT N            fetches N bytes, checks them, prints MB/s
probe.py push PORT N             pushes N bytes, half-closes, checks the digest, prints MB/s
probe.py put PORT N              the same with the length said beforehand instead of the half-close
probe.py short PORT COUNT        COUNT connections at once, each echoes 1 KB and ends
probe.py tick PORT SECONDS       one echo a tenth of a second on one connection; prints the longest gap
probe.py wait PORT SECONDS       one new connection and echo; prints how long it took
probe.py idle PORT SECONDS       an echo, nothing for so long, another echo on the same connection
probe.py reset PORT SECONDS      a new connection that is reset within so long; prints how long it took
"""

from __future__ import annotations

import hashlib
import random
import socket
import socketserver
import sys
import threading
import time

_PIECE = random.Random(7).randbytes(1 << 20)
_MORE_THAN_WAITS = 64 << 20
"""More than kernel and client hold of a connection that is not yet open at the far end."""


class _Service(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        words = self.rfile.readline().split()
        if not words:
            return
        if words[0] == b"send":
            left = int(words[1])
            while left > 0:
                self.connection.sendall(_PIECE[: min(left, len(_PIECE))])
                left -= len(_PIECE)
        elif words[0] == b"take":
            digest = hashlib.sha256()
            left = int(words[1]) if len(words) > 1 else sys.maxsize
            while left > 0 and (data := self.rfile.read1(min(left, 1 << 18))):
                digest.update(data)
                left -= len(data)
            self.connection.sendall(digest.hexdigest().encode())
        else:
            while data := self.rfile.read1(1 << 16):
                self.connection.sendall(data)


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 1024


def _dial(port: int, timeout: float = 300) -> socket.socket:
    sock = socket.create_connection(("127.0.0.1", port), timeout)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def _expected(count: int) -> str:
    digest = hashlib.sha256()
    for start in range(0, count, len(_PIECE)):
        digest.update(_PIECE[: min(count - start, len(_PIECE))])
    return digest.hexdigest()


def fetch(port: int, count: int) -> None:
    began = time.monotonic()
    sock = _dial(port)
    sock.sendall(b"send %d\n" % count)
    digest, got = hashlib.sha256(), 0
    while data := sock.recv(1 << 18):
        if not got:
            print("under way", flush=True)
        digest.update(data)
        got += len(data)
    assert got == count, f"{got} of {count} bytes"
    assert digest.hexdigest() == _expected(count), "wrong bytes"
    print(f"fetched {count} ok {count / 1e6 / (time.monotonic() - began):.0f} MB/s")


def push(port: int, count: int, half_close: bool = True) -> None:
    began = time.monotonic()
    sock = _dial(port)
    sock.sendall(b"take\n" if half_close else b"take %d\n" % count)
    for start in range(0, count, len(_PIECE)):
        if start == _MORE_THAN_WAITS:
            print("under way", flush=True)
        sock.sendall(_PIECE[: min(count - start, len(_PIECE))])
    if half_close:
        sock.shutdown(socket.SHUT_WR)
    answer = b""
    while len(answer) < 64 and (data := sock.recv(4096)):
        answer += data
    assert answer.decode() == _expected(count), f"wrong digest {answer!r}"
    print(f"pushed {count} ok {count / 1e6 / (time.monotonic() - began):.0f} MB/s")


def _echo(port: int, number: int, failures: list[str]) -> None:
    try:
        sock = _dial(port, 60)
        text = f"{number:05d}".encode() * 200
        sock.sendall(b"echo\n" + text)
        sock.shutdown(socket.SHUT_WR)
        got = b""
        while data := sock.recv(4096):
            got += data
        if got != text:
            failures.append(f"{number}: {len(got)} bytes")
    except OSError as exc:
        failures.append(f"{number}: {exc}")


def put(port: int, count: int) -> None:
    push(port, count, half_close=False)


def short(port: int, count: int) -> None:
    failures: list[str] = []
    threads = [threading.Thread(target=_echo, args=(port, number, failures)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures, f"{len(failures)} failed: {failures[:5]}"
    print(f"short {count} ok")


def tick(port: int, seconds: float) -> None:
    sock = _dial(port, 120)
    sock.sendall(b"echo\n")
    end, longest = time.monotonic() + seconds, 0.0
    while time.monotonic() < end:
        began = time.monotonic()
        sock.sendall(b"tick")
        got = b""
        while len(got) < 4:
            data = sock.recv(4 - len(got))
            assert data, "the connection ended"
            got += data
        longest = max(longest, time.monotonic() - began)
        time.sleep(0.1)
    print(f"tick ok, longest gap {longest:.2f} s")


def wait(port: int, seconds: float) -> None:
    began = time.monotonic()
    sock = _dial(port, seconds)
    sock.sendall(b"echo\nhello")
    assert sock.recv(5) == b"hello"
    print(f"waited {time.monotonic() - began:.2f} s")


def idle(port: int, seconds: float) -> None:
    sock = _dial(port, 60)
    for text in (b"before", b"behind"):
        sock.sendall(b"echo\n" + text if text == b"before" else text)
        assert sock.recv(len(text)) == text
        if text == b"before":
            time.sleep(seconds)
    print("idle ok")


def reset(port: int, seconds: float) -> None:
    began = time.monotonic()
    try:
        data = _dial(port, seconds).recv(1)  # a slow process may hear of it while it dials
    except ConnectionResetError:
        print(f"reset {time.monotonic() - began:.2f} s")
    else:
        raise AssertionError(f"no reset, but {data!r}")


def main() -> None:
    verb, port, *rest = sys.argv[1:]
    if verb == "serve":
        with _Server(("127.0.0.1", int(port)), _Service) as server:
            print("serving", flush=True)
            server.serve_forever()
    elif verb in ("tick", "wait", "idle", "reset"):
        {"tick": tick, "wait": wait, "idle": idle, "reset": reset}[verb](int(port), float(rest[0]))
    else:
        {"fetch": fetch, "push": push, "put": put, "short": short}[verb](int(port), int(rest[0]))


if __name__ == "__main__":
    main()
