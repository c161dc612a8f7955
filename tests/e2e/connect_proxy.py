"""An HTTP proxy that lets one thing through: CONNECT to one host and port, with a user and password.

connect_proxy.py LISTEN-HOST PORT USER:PASSWORD HOST:PORT ADDRESS       ADDRESS: where that host is
"""

from __future__ import annotations

import base64
import socket
import socketserver
import sys
import threading


class _Proxy(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        _, _, _, credentials, allowed, address = sys.argv
        head = [self.rfile.readline().strip().decode("latin-1")]
        while line := self.rfile.readline().strip():
            head.append(line.decode("latin-1"))
        wanted = f"proxy-authorization: basic {base64.b64encode(credentials.encode()).decode()}".lower()
        if wanted not in [line.lower() for line in head]:
            self.wfile.write(
                b"HTTP/1.1 407 Proxy Authentication Required\r\n"
                b'Proxy-Authenticate: Basic realm="test"\r\nContent-Length: 0\r\n\r\n'
            )
        elif head[0].split()[:2] != ["CONNECT", allowed]:
            self.wfile.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
        else:
            with socket.create_connection((address, int(allowed.rpartition(":")[2])), 10) as beyond:
                beyond.settimeout(None)
                self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
                back = threading.Thread(target=_copy, args=(beyond, self.connection))
                back.start()
                _copy(self.connection, beyond)
                back.join()


def _copy(source: socket.socket, sink: socket.socket) -> None:
    try:
        while data := source.recv(1 << 16):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


if __name__ == "__main__":
    with _Server((sys.argv[1], int(sys.argv[2])), _Proxy) as server:
        print("serving", flush=True)
        server.serve_forever()
