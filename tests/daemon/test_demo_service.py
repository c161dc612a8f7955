"""The web service of the demonstration."""

from __future__ import annotations

import hashlib
import http.client
import socket
import struct
import threading
from typing import Any

import pytest

from tunnel_whisperer.daemon import demo_service
from tunnel_whisperer.daemon.demo_service import BLOB_BYTES, DemoService, blob


def test_it_serves_a_page_a_blob_and_digests() -> None:
    service = DemoService()
    try:
        client = http.client.HTTPConnection(service.address.host, service.address.port, timeout=10)
        client.request("GET", "/")
        assert b"<title>" in client.getresponse().read()
        client.request("GET", "/blob")
        assert client.getresponse().read() == blob()
        client.request("POST", "/digest", body=b"abc")
        assert client.getresponse().read().decode() == hashlib.sha256(b"abc").hexdigest()
        client.request("GET", "/other")
        response = client.getresponse()
        response.read()
        assert response.status == 404
        client.close()
        assert len(blob()) == BLOB_BYTES
    finally:
        service.close()


def test_a_visitor_who_leaves_in_the_middle_is_not_worth_a_word(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    served = threading.Event()
    serve = demo_service._Server.process_request_thread

    def watched(self: Any, request: Any, client_address: Any) -> None:
        serve(self, request, client_address)
        served.set()

    monkeypatch.setattr(demo_service._Server, "process_request_thread", watched)
    service = DemoService()
    try:
        visitor = socket.create_connection((service.address.host, service.address.port), 10)
        visitor.sendall(b"POST /digest HTTP/1.1\r\nContent-Length: 1000\r\n\r\nhalf")
        visitor.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        visitor.close()  # with a reset
        assert served.wait(10)
    finally:
        service.close()
    assert capfd.readouterr().err == ""
