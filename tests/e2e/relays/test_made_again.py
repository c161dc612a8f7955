"""A relay that was removed is made again: by its first visit it has the certificates of before."""

from __future__ import annotations

import asyncio
import shutil
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.lab import missing as no_namespaces
from tests.e2e.relays.island import Island
from tests.e2e.relays.standard import StandardMachine
from tests.interop import caddy, xray
from tunnel_whisperer.daemon.relay_making import bring_up
from tunnel_whisperer.profile import Profile

_LACKING = (
    no_namespaces() or caddy.missing() or xray.missing() or ("" if shutil.which("sshd") else "no sshd here")
)
pytestmark = [pytest.mark.e2e, pytest.mark.skipif(bool(_LACKING), reason=_LACKING)]

DOMAIN = "relay.test"


@pytest.fixture
def island(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Island]:
    genuine = socket.getaddrinfo

    def look_up(host: str, *args: Any, **kwargs: Any) -> Any:
        return genuine("127.0.0.1" if host == DOMAIN else host, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    with Island(tmp_path_factory.mktemp("again")) as island:
        yield island


def test_the_first_visit_brings_the_certificates_and_no_ca_is_asked(island: Island) -> None:
    machine = StandardMachine(island, Profile(island.directory / "relay"), DOMAIN)
    relay = machine.relay
    said: list[str] = []
    with island.loop() as thread:
        work = bring_up(relay, ("127.0.0.1",), lambda part, seen: said.append(f"{part}: {seen}"))
        asyncio.run_coroutine_threadsafe(work, thread.loop).result(60)
        saved = asyncio.run_coroutine_threadsafe(relay.saved_certificates(), thread.loop).result(60)
        left = asyncio.run_coroutine_threadsafe(relay.drift(), thread.loop).result(60)
    assert not left, left.in_words()
    assert "tunnel: bringing back the saved certificates" in said
    assert said[-1] == "https: a certificate issued by relay, Private CA", said
    assert not relay.begins_with_saved, "the next visit would be to a new machine"
    assert not relay.saved.exists()
    assert f"{DOMAIN}.key".encode() in saved, "and they can be saved again"
    assert "obtaining" not in island.log_path("caddy").read_text()
    assert not (machine.folder / "Caddyfile").read_text().count("first.crt")
