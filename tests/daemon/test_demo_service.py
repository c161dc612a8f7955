"""The web service of the demonstration."""

from __future__ import annotations

import hashlib
import http.client

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
