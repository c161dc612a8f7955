from __future__ import annotations

import sys
from pathlib import Path

import asyncssh
import pytest

from tests.ssh.ends import HOST_KEY
from tunnel_whisperer.ssh import options
from tunnel_whisperer.ssh.options import common_options


def _server() -> asyncssh.SSHServerConnectionOptions:
    return asyncssh.SSHServerConnectionOptions(
        **common_options(), server_host_keys=[asyncssh.import_private_key(HOST_KEY)]
    )


def test_no_weak_algorithm_is_offered() -> None:
    built = _server()
    offered = [*built.kex_algs, *built.encryption_algs, *built.mac_algs, *built.signature_algs]
    for name in offered:
        for weak in (
            b"sha1",
            b"diffie-hellman",
            b"gss",
            b"rsa",
            b"cbc",
            b"ctr",
            b"arcfour",
            b"3des",
            b"umac-64",
        ):
            assert weak not in name
    assert built.compression_algs == [b"none"]


def test_every_cipher_authenticates() -> None:
    names = {bytes(name) for name in _server().encryption_algs}
    assert names == {
        b"aes128-gcm@openssh.com",
        b"aes256-gcm@openssh.com",
        b"chacha20-poly1305@openssh.com",
    }


def test_there_is_a_key_exchange_that_every_openssh_of_ten_years_has() -> None:
    assert b"curve25519-sha256@libssh.org" in _server().kex_algs


def test_no_login_but_by_public_key() -> None:
    built = _server()
    assert built.public_key_auth
    assert not (built.password_auth or built.kbdint_auth or built.host_based_auth or built.gss_host)


def test_gcm_comes_first_where_the_processor_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(options, "_cpu_has_aes", lambda: True)
    assert common_options()["encryption_algs"][0] == "aes128-gcm@openssh.com"  # type: ignore[index]
    monkeypatch.setattr(options, "_cpu_has_aes", lambda: False)
    assert common_options()["encryption_algs"][0] == "chacha20-poly1305@openssh.com"  # type: ignore[index]


@pytest.mark.parametrize(
    ("platform", "text", "expected"),
    [
        ("linux", "flags\t\t: fpu aes avx\n", True),
        ("linux", "Features\t: fp asimd aes pmull\n", True),
        ("linux", "flags\t\t: fpu vaes_no\n", False),
        ("linux", None, True),
        ("darwin", None, True),
    ],
)
def test_the_processor_is_asked_where_the_system_tells(
    monkeypatch: pytest.MonkeyPatch, platform: str, text: str | None, expected: bool
) -> None:
    def read(self: Path, **_: object) -> str:
        if text is None:
            raise FileNotFoundError(2, "none")
        return text

    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(Path, "read_text", read)
    options._cpu_has_aes.cache_clear()
    try:
        assert options._cpu_has_aes() is expected
    finally:
        options._cpu_has_aes.cache_clear()


def test_no_file_of_the_user_is_consulted() -> None:
    assert common_options()["config"] == []
