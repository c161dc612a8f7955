from __future__ import annotations

import socket
from typing import Any

import pytest

from tests.kit.clock import real_run
from tunnel_whisperer.base.errors import Unreachable
from tunnel_whisperer.base.values import HostPort
from tunnel_whisperer.doctor.names import check_name
from tunnel_whisperer.doctor.report import Found


def _resolving_to(monkeypatch: pytest.MonkeyPatch, *hosts: str) -> None:
    def answer(host: str, port: int, *_: Any, **__: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in hosts]

    monkeypatch.setattr(socket, "getaddrinfo", answer)


def _check(name: str) -> Found[tuple[str, ...]]:
    return real_run(check_name(HostPort(name, 443), "relay"))


def test_a_name_is_shown_with_its_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    _resolving_to(monkeypatch, "9.9.9.9", "9.9.9.10")
    found = _check("relay.example.org")
    assert (found.value, found.note) == (("9.9.9.9", "9.9.9.10"), "")
    assert found.detail == "relay.example.org is 9.9.9.9, 9.9.9.10"


def test_an_address_needs_no_dns() -> None:
    assert "nothing to look up" in _check("127.0.0.1").detail


def test_a_wrong_name_is_refused_in_those_words() -> None:
    with pytest.raises(Unreachable) as caught:
        _check("no-such-host.invalid")
    assert (caught.value.code, caught.value.where) == ("dns-failed", "no-such-host.invalid")


def test_a_filters_answer_is_not_taken_for_an_address(monkeypatch: pytest.MonkeyPatch) -> None:
    _resolving_to(monkeypatch, "0.0.0.0")
    with pytest.raises(Unreachable) as caught:
        _check("relay.example.org")
    assert "how a filter blocks a name" in caught.value.why and "DNS" in caught.value.hint


def test_a_public_name_inside_this_network_is_worth_a_look(monkeypatch: pytest.MonkeyPatch) -> None:
    _resolving_to(monkeypatch, "10.1.2.3")
    assert "10.1.2.3 is inside this network" in _check("relay.example.org").note
    assert _check("relay").note == ""
