"""The service at the end of the tunnel: ``service.py HOST PORT``.

The first line of a connection says what it is for:

    take      read to the end, then answer with one JSON line: the bytes and seconds that were seen
              after the first WARM seconds (``take WARM``)
    send      send until the peer closes
    echo      echo to the end

A connection that says nothing within a moment's notice is greeted all the same: ``!`` is sent on
accept, so that a client can time the first byte of a new connection without having to speak.
Echo connections share one thread, so that thousands can stay open.
"""

from __future__ import annotations

import json
import random
import selectors
import socket
import sys
import threading
import time

GREETING = b"!"
_PIECE = random.Random(7).randbytes(1 << 20)
_READ_BYTES = 1 << 20


def take(sock: socket.socket, warm_s: float) -> None:
    """Count what comes after ``warm_s`` seconds, to the end."""
    buffer = bytearray(_READ_BYTES)
    began = time.monotonic()
    counted, since, last = 0, 0.0, 0.0
    while count := sock.recv_into(buffer):
        last = time.monotonic()
        if since:
            counted += count
        elif last - began >= warm_s:
            since = last
    sock.sendall(json.dumps({"bytes": counted, "seconds": last - since}).encode() + b"\n")


def send(sock: socket.socket) -> None:
    """Send until the peer has enough."""
    try:
        while True:
            sock.sendall(_PIECE)
    except OSError:
        pass


class Echoes:
    """All echo connections, in one thread."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._lock = threading.Lock()
        self._wake, wake = socket.socketpair()
        self._selector.register(wake, selectors.EVENT_READ, None)
        self._new: list[socket.socket] = []
        threading.Thread(target=self._run, daemon=True).start()

    def add(self, sock: socket.socket) -> None:
        """Echo on this connection from now on."""
        with self._lock:
            self._new.append(sock)
        self._wake.send(b"x")

    def _run(self) -> None:
        while True:
            for key, _ in self._selector.select():
                sock = key.fileobj
                assert isinstance(sock, socket.socket)
                if key.data is None:
                    sock.recv(4096)
                    self._take_new()
                else:
                    self._echo(sock)

    def _take_new(self) -> None:
        with self._lock:
            new, self._new = self._new, []
        for sock in new:
            self._selector.register(sock, selectors.EVENT_READ, "echo")

    def _echo(self, sock: socket.socket) -> None:
        try:
            data = sock.recv(1 << 16)
            if data:
                sock.sendall(data)
                return
        except OSError:
            pass
        self._selector.unregister(sock)
        sock.close()


def serve(sock: socket.socket, echoes: Echoes) -> None:
    """One connection, from its first line on."""
    try:
        line = b""
        while not line.endswith(b"\n"):
            byte = sock.recv(1)
            if not byte:
                return
            line += byte
        words = line.split()
        if words[0] == b"echo":
            echoes.add(sock.dup())
        elif words[0] == b"take":
            take(sock, float(words[1]))
        else:
            send(sock)
    except OSError:
        pass
    finally:
        sock.close()


def main() -> None:
    """Serve until killed."""
    echoes = Echoes()
    listener = socket.create_server((sys.argv[1], int(sys.argv[2])), backlog=4096)
    print("serving", flush=True)
    while True:
        sock, _ = listener.accept()
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            sock.sendall(GREETING)  # before the thread, whose start is no business of a tunnel
        except OSError:
            pass  # it will be seen by who reads
        threading.Thread(target=serve, args=(sock, echoes), daemon=True).start()


if __name__ == "__main__":
    main()
